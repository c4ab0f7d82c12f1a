"""Handles one request of the API: its caller, its operation, the quota, the fault, the answer."""

import email.utils
import json
import re
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from ops.simulator.books import Received
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.delivery import ConnectionDropped, ConnectionRefused, deliver, retry_after
from ops.simulator.faults import FaultPlan
from ops.simulator.requests.answer_oddities import Oddities
from ops.simulator.requests.answers import Answer, refusal, throttled
from ops.simulator.requests.calls import Call, Caller, Operation
from ops.simulator.requests.dropped_connections import drop
from ops.simulator.requests.quota_and_request_ids import Quota, RequestMemory
from ops.simulator.requests.request_log import log
from ops.simulator.sign_in.bearer_tokens import NoMfa, Tokens
from ops.simulator.world import World

VERSION = re.compile(r"/+v1(/.*)", re.IGNORECASE)
FREE_FORM = frozenset({"provisioningcontext"})


class Gateway:
    """The ASGI application of the Partner Center API."""

    def __init__(self, world: World, operations: Iterable[Operation], tokens: Tokens, faults: FaultPlan) -> None:
        self._world = world
        self._operations = tuple(operations)
        self._tokens = tokens
        self._faults = faults
        self._quota = Quota(world)
        self._memory = RequestMemory()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. In process, raises ConnectionDropped or ConnectionRefused if a fault says so."""
        request = Request(scope, receive)
        content = await request.body()
        self._world.settle()
        received = log(self._world, request, _readable(content))
        try:
            answer, operation = await self._answer(request, received, content)
            received.status = answer.status
            received.code = _code(answer)
            await self._send(send, answer, received, operation)
        except (ConnectionDropped, ConnectionRefused):
            received.status = None
            if not drop(scope):
                raise
            return
        if answer.cut == "connection" and not drop(scope, politely=True):
            raise ConnectionDropped("the connection was dropped by a fault in the middle of the answer")

    def clear(self) -> None:
        """Forget request ids and used-up quota."""
        self._quota.clear()
        self._memory.clear()

    def find(self, method: str, path: str, query: Iterable[str] = ()) -> tuple[Operation, dict[str, str]] | None:
        """Return the operation of a path, with its parameters; the path begins with the version."""
        found = VERSION.fullmatch(path)
        if found is None:
            return None
        for operation in self._operations:
            params = operation.match(re.sub("/+", "/", found[1]).rstrip("/"))
            if params is None or operation.method != method:
                continue
            if operation.query is None or operation.query in query:
                return operation, params
        return None

    async def _answer(self, request: Request, received: Received, content: bytes) -> tuple[Answer, Operation | None]:
        try:
            call = self._admit(request, received, content)
        except NoMfa as refused:
            return Answer(refused.status, headers=refused.headers), None
        except Refused as refused:
            return refusal(refused), None
        wait = self._quota.wait_for(call.partner.tenant_id, call.operation.family)
        if wait is not None:
            value = retry_after(self._world.clock, wait, self._world.settings.retry_after)
            return throttled(wait, value), call.operation
        fault = self._faults.pick(received)
        received.fault = fault.kind.value if fault else None
        answer = await deliver(self._world, fault, lambda: self._act(call))
        busy = call.ready_at - self._world.clock.time()
        await self._world.clock.sleep(max(0.0, busy) + self._world.rng.uniform(*call.settings.latency))
        return answer, call.operation

    def _admit(self, request: Request, received: Received, content: bytes) -> Call:
        caller = self._tokens.check(request.headers.get("authorization"))
        received.partner = caller.partner.tenant_id
        operation, params = self._route(received)
        received.operation = operation.name
        if operation.auth not in ("either", caller.kind):
            raise Refused(900329)
        accept = request.headers.get("accept", "*/*").lower()
        if not any(word in accept for word in ("json", "*/*", "application/*")):
            raise Refused(800002, "only JSON is spoken here", status=406)
        body = _parse(request, content)
        received.customer = _customer_id(params, body)
        call = Call(self._world, operation, caller, received, params, received.query, request.headers, body)
        self._warn(call, caller)
        return call

    def _route(self, received: Received) -> tuple[Operation, dict[str, str]]:
        found = self.find(received.method, received.path, received.query)
        if found is not None:
            return found
        others = ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(self.find(method, received.path, received.query) for method in others):
            raise Refused(1000, "this resource does not know the method", status=405)
        raise Refused(1000, "no such resource")

    def _warn(self, call: Call, caller: Caller) -> None:
        if call.operation.effect and not call.received.request_id:
            self._world.warn(f"{call.operation.name} by {caller.kind} came without MS-RequestId")

    def _act(self, call: Call) -> Answer:
        answer = self._memory.recall(call)
        call.received.replayed = answer is not None
        if answer is None:
            try:
                answer = call.operation.handler(call)
            except Refused as refused:
                answer = refusal(refused)
            self._memory.keep(call, answer)
        call.received.outcome, call.received.acted_at = answer.status, self._world.now
        return answer

    async def _send(self, send: Send, answer: Answer, received: Received, operation: Operation | None) -> None:
        body = Oddities(self._world.settings.hostility, self._world.noise).encode(answer)
        if answer.cut == "json":
            body = body[: len(body) // 2]
        headers = self._headers(answer, received, operation) | {"Content-Length": str(len(body))}
        start = {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        }
        await send(start)
        if answer.cut == "connection":
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        else:
            await send({"type": "http.response.body", "body": body})

    def _headers(self, answer: Answer, received: Received, operation: Operation | None) -> dict[str, str]:
        headers = {"Date": email.utils.format_datetime(self._world.clock.date(), usegmt=True)}
        if answer.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        if not answer.from_gateway:
            foreign = self._world.settings.hostility.foreign_ids
            ids = {
                "MS-RequestId": (None if foreign else received.request_id) or self._world.new_id(),
                "MS-CorrelationId": (None if foreign else received.correlation_id) or self._world.new_id(),
                "X-Locale": received.headers.get("x-locale", "en-US"),
            }
            doubled = operation is not None and operation.catalog and self._world.settings.hostility.doubled_headers
            headers |= {name: f"{value},{value}" if doubled else value for name, value in ids.items()}
            headers |= {"MS-CV": f"sim{received.number:x}.0", "MS-ServerId": "030020525"}
        return headers | dict(answer.headers)


def fold(content: Any) -> Any:
    """Return JSON with member names in lower case, except inside free-form members."""
    if isinstance(content, list):
        return [fold(item) for item in content]
    if isinstance(content, dict):
        return {name.lower(): item if name.lower() in FREE_FORM else fold(item) for name, item in content.items()}
    return content


def _parse(request: Request, content: bytes) -> Any:
    if not content:
        return None
    if "json" not in request.headers.get("content-type", "").lower():
        raise Refused(800002, "a body needs Content-Type: application/json")
    try:
        return fold(json.loads(content.decode("utf-8-sig")))
    except ValueError:
        raise Refused(800002, "the body is not JSON") from None


def _readable(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode("utf-8", "replace")


def _customer_id(params: dict[str, str], body: Any) -> str | None:
    inside = body.get("customerid") if isinstance(body, dict) else None
    named = params.get("customer_id", inside)
    return named.lower() if isinstance(named, str) else None


def _code(answer: Answer) -> int | None:
    code = answer.body.get("code") if answer.body and answer.status >= 400 else None
    return code if isinstance(code, int) else None
