"""The part of Entra: OIDC discovery and the token endpoints, as far as MSAL and hand-written clients use them.

Pages: partner-center/developer/enable-secure-app-model; error shape and codes as Entra ID documents them
(learn.microsoft.com entra/identity-platform/reference-error-codes).
"""

from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ops.simulator.delivery import deliver
from ops.simulator.faults import FaultPlan
from ops.simulator.requests.answers import Answer, Json, present
from ops.simulator.requests.dropped_connections import drops_connections
from ops.simulator.requests.request_log import log
from ops.simulator.sign_in.grants import Denied, Grants
from ops.simulator.world import World


class TokenEndpoint:
    """Answers the requests of an authority."""

    def __init__(self, world: World, grants: Grants, faults: FaultPlan) -> None:
        self._world = world
        self._grants = grants
        self._faults = faults

    async def instance(self, request: Request) -> Response:
        """Answer instance discovery: this host is an authority."""
        tenant = request.query_params.get("authorization_endpoint", "/common").split("/")[3:4] or ["common"]
        discovery = f"{_base(request)}/{tenant[0]}/v2.0/.well-known/openid-configuration"
        return JSONResponse({"tenant_discovery_endpoint": discovery, "api-version": "1.1", "metadata": []})

    async def discovery(self, request: Request) -> Response:
        """Answer the OIDC configuration of a tenant, with endpoints on this very host."""
        tenant = request.path_params["tenant"].lower()
        if not self._grants.knows(tenant):
            return _denial(self._world, Denied("invalid_tenant", 90002, "this tenant does not exist here"))
        base = f"{_base(request)}/{tenant}"
        return JSONResponse(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "issuer": f"{base}/v2.0",
                "tenant_region_scope": "NA",
                "cloud_instance_name": "microsoftonline.com",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            }
        )

    async def token(self, request: Request) -> Response:
        """Answer a token request of the first or the second version."""
        content = (await request.body()).decode("utf-8", "replace")
        form = {name: values[-1] for name, values in parse_qs(content, keep_blank_values=True).items()}
        received = log(self._world, request, None)
        received.operation = f"token.{form.get('grant_type', 'none')}"
        tenant = request.path_params["tenant"].lower()
        customer = self._world.customers.get(tenant)
        received.partner = customer.partner if customer else tenant
        received.customer = customer.id if customer else None
        version = 2 if "/v2.0/" in request.url.path.lower() else 1

        def act() -> Answer:
            try:
                audience = f"{_base(request)}{request.url.path}"
                answer = Answer(200, self._grants.grant(tenant, form, version, audience))
            except Denied as denied:
                answer = Answer(denied.status, denied_body(self._world, denied))
            received.outcome, received.acted_at = answer.status, self._world.now
            return answer

        answer = await deliver(self._world, self._faults.pick(received), act)
        received.status = answer.status
        if answer.body is None or answer.from_gateway:
            return Response(answer.raw or b"", answer.status, dict(answer.headers))
        body = answer.body if "code" not in answer.body else _as_entra(self._world, answer)
        return JSONResponse(body, answer.status, {**answer.headers, "Cache-Control": "no-store"})


def token_app(endpoint: TokenEndpoint) -> Starlette:
    """Return the ASGI application of the authority."""
    return Starlette(
        routes=[
            Route("/common/discovery/instance", endpoint.instance),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", endpoint.discovery),
            Route("/{tenant}/oauth2/token", drops_connections(endpoint.token), methods=["POST"]),
            Route("/{tenant}/oauth2/v2.0/token", drops_connections(endpoint.token), methods=["POST"]),
        ]
    )


def denied_body(world: World, denied: Denied) -> Json:
    """Return shape E of the error bodies."""
    now = world.clock.date()
    return present(
        error=denied.error,
        error_description=f"AADSTS{denied.number}: {denied.text}",
        error_codes=[denied.number],
        timestamp=now.strftime("%Y-%m-%d %H:%M:%SZ"),
        trace_id=world.new_id(),
        correlation_id=world.new_id(),
        suberror=denied.suberror,
    )


def _denial(world: World, denied: Denied) -> Response:
    return JSONResponse(denied_body(world, denied), denied.status)


def _as_entra(world: World, answer: Answer) -> Json:
    error = "temporarily_unavailable" if answer.status >= 500 else "invalid_client"
    return denied_body(world, Denied(error, 90033 if answer.status >= 500 else 7000215, "refused by a fault"))


def _base(request: Request) -> str:
    return f"https://{request.headers.get('host', 'localhost')}"
