"""Handles one request to Microsoft Graph: caller, operation, throttling, fault, answer."""

import email.utils
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from ops.simulator.behaviour import Hostility
from ops.simulator.books import Received
from ops.simulator.delivery import deliver, retry_after
from ops.simulator.faults import FaultPlan
from ops.simulator.graph.callers import GraphCallers
from ops.simulator.graph.calls import GraphCall, GraphOperation, GraphRefused, bad_request, error_body
from ops.simulator.requests.answers import Answer
from ops.simulator.requests.calls import match
from ops.simulator.requests.door import Door
from ops.simulator.requests.quota_and_request_ids import Quota
from ops.simulator.world import World

VERSION = re.compile(r"/(v1\.0|beta)(/.*)", re.IGNORECASE)
NUMBER = re.compile(r"\d+")
JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"


class Graph(Door):
    """The ASGI application of Microsoft Graph."""

    def __init__(
        self, world: World, operations: Iterable[GraphOperation], callers: GraphCallers, faults: FaultPlan
    ) -> None:
        super().__init__(world)
        self._operations = tuple(operations)
        self._callers = callers
        self._faults = faults
        self._quota = Quota()

    def clear(self) -> None:
        """Forget used-up quota."""
        self._quota.clear()

    def find(self, method: str, path: str) -> tuple[GraphOperation, dict[str, str]] | None:
        """Return the operation of a path, with its parameters; the path begins with the version."""
        found = VERSION.fullmatch(path)
        if found is None:
            return None
        for operation in self._operations:
            params = match(operation.template, found[2].rstrip("/"))
            if params is not None and operation.method == method and (not operation.beta or found[1] == "beta"):
                return operation, params
        return None

    @property
    def _hostility(self) -> Hostility:
        """No byte order mark, and numbers are numbers here."""
        return replace(self._world.settings.hostility, bom="never", numbers_as_text=False)

    async def _answer(self, request: Request, received: Received, content: bytes) -> tuple[Answer, dict[str, str]]:
        found = self.find(received.method, received.path)
        received.operation = found[0].name if found else None
        try:
            call = self._admit(request, received, content)
        except GraphRefused as refused:
            answer = self._refusal(received, refused)
            return answer, self._headers(received, answer)
        fault = self._faults.pick(received)
        received.fault = fault.kind.value if fault else None
        answer = self._in_its_words(received, await deliver(self._world, fault, lambda: self._act(call)))
        await self._world.clock.sleep(self._world.rng.uniform(*self._world.settings.latency))
        return answer, self._headers(received, answer)

    def _admit(self, request: Request, received: Received, content: bytes) -> GraphCall:
        caller = self._callers.check(request.headers.get("authorization"))
        received.partner = caller.partner.tenant_id
        found = self.find(received.method, received.path)
        if found is None:
            raise self._no_route(received)
        self._count(caller.partner.tenant_id)
        version = VERSION.fullmatch(received.path)
        base = f"{request.url.scheme}://{request.headers.get('host', 'localhost')}/{version[1] if version else ''}"
        body = _body(content, request.headers.get("content-type", ""))
        return GraphCall(self._world, found[0], caller, received, found[1], body, base)

    def _no_route(self, received: Received) -> GraphRefused:
        if any(self.find(method, received.path) for method in ("GET", "POST")):
            return GraphRefused(
                405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."
            )
        name = received.path.rstrip("/").rpartition("/")[2]
        return bad_request(f"Resource not found for the segment '{name}'.")

    def _count(self, tenant: str) -> None:
        settings = self._world.settings
        wait = self._quota.wait_for(("graph", tenant), settings.graph_requests_per_minute, self._world.now)
        if wait is not None:
            value = retry_after(self._world.clock, wait, settings.retry_after)
            headers = {"Retry-After": value} if value is not None else {}
            raise GraphRefused(429, "TooManyRequests", "Too many requests.", headers)

    def _act(self, call: GraphCall) -> Answer:
        try:
            answer = call.operation.handler(call)
        except GraphRefused as refused:
            answer = self._refusal(call.received, refused)
        call.received.outcome, call.received.acted_at = answer.status, self._world.now
        return answer

    def _refusal(self, received: Received, refused: GraphRefused) -> Answer:
        inner = {
            "date": self._world.clock.date().strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": self._world.new_id(),
            "client-request-id": received.headers.get("client-request-id") or self._world.new_id(),
        }
        return Answer(refused.status, error_body(refused.code, refused.message, inner), headers=refused.headers)

    def _in_its_words(self, received: Received, answer: Answer) -> Answer:
        """Return an answer that a fault made in Partner Center's words in those of Microsoft Graph."""
        body = answer.body or {}
        if answer.status == 429 and "statusCode" in body:
            refused = GraphRefused(429, "TooManyRequests", str(body["message"]), answer.headers)
        elif body.get("source") == "PartnerFD":
            code = str(body["code"])
            if NUMBER.fullmatch(code):
                code = "InternalServerError" if answer.status >= 500 else "BadRequest"
            refused = GraphRefused(answer.status, code, "Refused by a fault.", answer.headers)
        else:
            return answer
        return self._refusal(received, refused)

    def _headers(self, received: Received, answer: Answer) -> dict[str, str]:
        headers = {"Date": email.utils.format_datetime(self._world.clock.date(), usegmt=True)}
        if answer.body is not None:
            headers["Content-Type"] = JSON
        if not answer.from_gateway:
            own = self._world.new_id()
            headers |= {"request-id": own, "OData-Version": "4.0"}
            headers["client-request-id"] = received.headers.get("client-request-id") or own
            headers["x-ms-ags-diagnostic"] = '{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5"}}'
        return headers | dict(answer.headers)


def _body(content: bytes, content_type: str) -> Any:
    if not content:
        return None
    if "json" not in content_type.lower():
        raise GraphRefused(415, "UnsupportedMediaType", "The content type must be application/json.")
    try:
        return json.loads(content.decode("utf-8"))
    except ValueError:
        raise bad_request("Unable to read JSON request payload. Please ensure Content-Type is correct.") from None
