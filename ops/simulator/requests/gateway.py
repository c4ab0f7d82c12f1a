"""Handles one request of the API: its caller, its operation, the quota, the fault, the answer."""

import email.utils
import re
from collections.abc import Iterable

from starlette.requests import Request

from ops.simulator.books import Received
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.delivery import deliver, retry_after
from ops.simulator.faults import FaultPlan, Kind
from ops.simulator.requests.answers import Answer, refusal, throttled
from ops.simulator.requests.bodies import NotJson, read_json
from ops.simulator.requests.calls import Call, Caller, Operation
from ops.simulator.requests.door import Door
from ops.simulator.requests.quota_and_request_ids import Quota, RequestMemory
from ops.simulator.sign_in.bearer_tokens import NoMfa, Tokens
from ops.simulator.world import World

VERSION = re.compile(r"/+v1(/.*)", re.IGNORECASE)


class Gateway(Door):
    """The ASGI application of the Partner Center API."""

    def __init__(self, world: World, operations: Iterable[Operation], tokens: Tokens, faults: FaultPlan) -> None:
        super().__init__(world)
        self._operations = tuple(operations)
        self._tokens = tokens
        self._faults = faults
        self._quota = Quota()
        self._memory = RequestMemory()

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

    async def _answer(self, request: Request, received: Received, content: bytes) -> tuple[Answer, dict[str, str]]:
        answer, operation = await self._decide(request, received, content)
        return answer, self._headers(answer, received, operation)

    async def _decide(self, request: Request, received: Received, content: bytes) -> tuple[Answer, Operation | None]:
        try:
            call = self._admit(request, received, content)
        except NoMfa as refused:
            return Answer(refused.status, headers=refused.headers), None
        except Refused as refused:
            return refusal(refused), None
        key = (call.partner.tenant_id, call.operation.family)
        wait = self._quota.wait_for(key, self._world.settings.quota_per_minute, self._world.now)
        if wait is not None:
            value = retry_after(self._world.clock, wait, self._world.settings.retry_after)
            return throttled(wait, value), call.operation
        fault = self._faults.pick(received)
        received.fault = fault.kind.value if fault else None
        if fault is not None and fault.kind is Kind.REFUSED:
            self._quota.never_came(key)
        answer = await deliver(self._world, fault, lambda: self._act(call))
        busy = call.ready_at - self._world.clock.time()
        await self._world.clock.sleep(max(0.0, busy) + self._world.rng.uniform(*call.settings.latency))
        return answer, call.operation

    def _admit(self, request: Request, received: Received, content: bytes) -> Call:
        caller = self._tokens.check(request.headers.get("authorization"))
        received.partner = caller.partner.tenant_id
        operation, params = self._route(received)
        received.operation = operation.name
        self._refuse_kind(operation, caller)
        accept = request.headers.get("accept", "*/*").lower()
        if not any(word in accept for word in (operation.speaks, "*/*", "application/*")):
            raise Refused(800002, f"only {operation.speaks.upper()} is spoken here", status=406)
        try:
            body = read_json(content, request.headers.get("content-type", ""))
        except NotJson as wrong:
            raise Refused(800002, str(wrong)) from None
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

    def _refuse_kind(self, operation: Operation, caller: Caller) -> None:
        if operation.auth == "billing_user":
            refusal_code = self._world.settings.app_only_refusal
            if caller.kind == "app" and refusal_code != "allowed":
                raise Refused(int(refusal_code))
        elif operation.auth not in ("either", caller.kind):
            raise Refused(900329)

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


def _customer_id(params: dict[str, str], body: object) -> str | None:
    inside = body.get("customerid") if isinstance(body, dict) else None
    named = params.get("customer_id", inside)
    return named.lower() if isinstance(named, str) else None
