"""Handles one request to Azure Resource Manager: version, caller, operation, throttling, fault, answer."""

import email.utils
import re
from collections.abc import Iterable
from dataclasses import replace

from starlette.requests import Request

from ops.simulator.behaviour import Hostility
from ops.simulator.books import Received
from ops.simulator.delivery import deliver, retry_after
from ops.simulator.faults import FaultPlan
from ops.simulator.requests.answers import Answer
from ops.simulator.requests.bodies import NotJson, read_json
from ops.simulator.requests.calls import match
from ops.simulator.requests.door import Door
from ops.simulator.requests.quota_and_request_ids import Quota
from ops.simulator.resource_manager.callers import ArmCallers, of_another_tenant
from ops.simulator.resource_manager.calls import ArmCall, ArmCaller, ArmOperation, ArmRefused, error_body
from ops.simulator.state import Customer
from ops.simulator.world import World

HOUR = 3600.0
NUMBER = re.compile(r"\d+")


class ResourceManager(Door):
    """The ASGI application of Azure Resource Manager."""

    def __init__(
        self, world: World, operations: Iterable[ArmOperation], callers: ArmCallers, faults: FaultPlan
    ) -> None:
        super().__init__(world)
        self._operations = tuple(operations)
        self._callers = callers
        self._faults = faults
        self._quota = Quota(HOUR)

    def clear(self) -> None:
        """Forget used-up quota."""
        self._quota.clear()

    def find(self, method: str, path: str) -> tuple[ArmOperation, dict[str, str]] | None:
        """Return the operation of a path, with its parameters."""
        for operation in self._operations:
            params = match(operation.template, path.rstrip("/"))
            if params is not None and operation.method == method:
                return operation, params
        return None

    @property
    def _hostility(self) -> Hostility:
        """Numbers are numbers here."""
        return replace(self._world.settings.hostility, numbers_as_text=False)

    async def _answer(self, request: Request, received: Received, content: bytes) -> tuple[Answer, dict[str, str]]:
        found = self.find(received.method, received.path)
        received.operation = found[0].name if found else None
        budget: dict[str, str] = {}
        try:
            call = self._admit(request, received, content)
            budget = self._count(call)
        except ArmRefused as refused:
            answer = self._refusal(refused)
            return answer, self._headers(received, answer)
        fault = self._faults.pick(received)
        received.fault = fault.kind.value if fault else None
        answer = _in_its_words(await deliver(self._world, fault, lambda: self._act(call)))
        await self._world.clock.sleep(self._world.rng.uniform(*call.settings.latency))
        return answer, self._headers(received, answer) | ({} if answer.from_gateway else budget)

    def _admit(self, request: Request, received: Received, content: bytes) -> ArmCall:
        version = received.query.get("api-version")
        if not version:
            text = "The api-version query parameter (?api-version=) is required for all requests."
            raise ArmRefused(400, "MissingApiVersionParameter", text)
        caller = self._callers.check(request.headers.get("authorization"))
        received.partner, received.customer = caller.partner.tenant_id, self._customer(caller)
        operation, params = self._route(received)
        if version.lower() != operation.version:
            text = f"The api-version '{version}' is invalid. The supported versions are '{operation.version}'."
            raise ArmRefused(400, "InvalidApiVersionParameter", text)
        customer = self._owner(caller, params)
        try:
            body = read_json(content, request.headers.get("content-type", ""))
        except NotJson as wrong:
            raise ArmRefused(400, "InvalidRequestContent", f"The request content was invalid: {wrong}.") from None
        base = f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"
        return ArmCall(self._world, operation, caller, customer, received, params, body, base)

    def _route(self, received: Received) -> tuple[ArmOperation, dict[str, str]]:
        found = self.find(received.method, received.path)
        if found is not None:
            return found
        if any(self.find(method, received.path) for method in ("GET", "POST")):
            text = f"The resource does not support the http method '{received.method}'."
            raise ArmRefused(405, "HttpMethodNotSupported", text)
        raise ArmRefused(404, "NotFound", f"No registered resource was found for '{received.path}'.")

    def _customer(self, caller: ArmCaller) -> str | None:
        return caller.tenant if caller.tenant in self._world.customers else None

    def _owner(self, caller: ArmCaller, params: dict[str, str]) -> Customer:
        """Return the customer that the token is for, who must own an Azure subscription that the path names."""
        wanted = params.get("subscription_id", "").lower()
        own = self._world.customers.get(caller.tenant)
        others = [] if own is not None and (not wanted or _owns(own, wanted)) else self._world.customers.values()
        for customer in others:
            if _owns(customer, wanted):
                raise of_another_tenant(caller.tenant, customer.id)
        if own is None:
            raise ArmRefused(403, "AuthorizationFailed", f"The tenant '{caller.tenant}' has no rights over this scope.")
        return own

    def _count(self, call: ArmCall) -> dict[str, str]:
        """Count a call. Returns the header with what is left; raises ArmRefused 429 for one too many."""
        settings, subscription = self._world.settings, call.params.get("subscription_id")
        kind, scope = ("write" if call.operation.writes else "read"), ("subscription" if subscription else "tenant")
        limit = settings.azure_writes_per_hour if call.operation.writes else settings.azure_reads_per_hour
        key = (kind, (subscription or call.caller.tenant).lower())
        wait = self._quota.wait_for(key, limit, self._world.now)
        if wait is None:
            left = self._quota.left(key, limit) if limit else 11_999
            return {f"x-ms-ratelimit-remaining-{scope}-{kind}s": str(left)}
        value = retry_after(self._world.clock, wait, settings.retry_after)
        raise ArmRefused(
            429,
            f"{scope.capitalize()}RequestsThrottled",
            f"Number of '{kind}' requests for {scope} '{key[1]}' actor '{call.caller.object_id}' exceeded. Please try "
            f"again after '{wait}' seconds.",
            headers={"Retry-After": value} if value is not None else {},
        )

    def _act(self, call: ArmCall) -> Answer:
        try:
            answer = call.operation.handler(call)
        except ArmRefused as refused:
            answer = self._refusal(refused)
        call.received.outcome, call.received.acted_at = answer.status, self._world.now
        return answer

    def _refusal(self, refused: ArmRefused) -> Answer:
        body = error_body(refused.code, refused.message)
        if refused.flat and self._world.settings.hostility.flat_errors and self._world.noise.random() < 0.5:
            body = body["error"]
        return Answer(refused.status, body, headers=refused.headers)

    def _headers(self, received: Received, answer: Answer) -> dict[str, str]:
        headers = {"Date": email.utils.format_datetime(self._world.clock.date(), usegmt=True)}
        if answer.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        if not answer.from_gateway:
            foreign = self._world.settings.hostility.foreign_ids
            own = self._world.new_id()
            stamp = self._world.clock.date().strftime("%Y%m%dT%H%M%SZ")
            headers |= {
                "x-ms-request-id": own,
                "x-ms-correlation-request-id": (None if foreign else received.correlation_id) or own,
                "x-ms-routing-request-id": f"WESTEUROPE:{stamp}:{own}",
            }
            sent = received.headers.get("x-ms-client-request-id")
            if sent and received.headers.get("x-ms-return-client-request-id", "").lower() == "true":
                headers["x-ms-client-request-id"] = sent
        return headers | dict(answer.headers)


def _owns(customer: Customer, azure_subscription: str) -> bool:
    return any(
        each.id == azure_subscription for plan in customer.subscriptions.values() for each in plan.azure_subscriptions
    )


def _in_its_words(answer: Answer) -> Answer:
    """Return an answer that a fault made in Partner Center's words in those of Azure Resource Manager."""
    body = answer.body or {}
    if answer.status == 429 and "statusCode" in body:
        return replace(answer, body=error_body("TooManyRequests", str(body["message"])), from_gateway=False)
    if body.get("source") != "PartnerFD":
        return answer
    code = str(body["code"])
    if NUMBER.fullmatch(code):
        code = "InternalServerError" if answer.status >= 500 else "BadRequest"
    return replace(answer, body=error_body(code, "Refused by a fault."))
