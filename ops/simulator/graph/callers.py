"""Who calls Microsoft Graph: bearer tokens of the partner's tenant with the permission PartnerBilling.Read.All."""

from ops.simulator.graph.calls import GraphRefused
from ops.simulator.requests.calls import Caller
from ops.simulator.sign_in.bearer_tokens import Tokens
from ops.simulator.world import World


class GraphCallers:
    """Tells callers by their tokens."""

    def __init__(self, world: World, tokens: Tokens, audience: str) -> None:
        self._world = world
        self._tokens = tokens
        self._audience = audience.rstrip("/")

    def check(self, authorization: str | None) -> Caller:
        """Return the caller of an Authorization header. Raises GraphRefused with 401 or 403."""
        scheme, _, token = (authorization or "").partition(" ")
        if not token.strip():
            raise _unauthorized("Access token is empty.")
        claims = self._tokens.read(token.strip()) if scheme.lower() == "bearer" else None
        if claims is None or self._tokens.is_revoked(claims):
            raise _unauthorized("Access token validation failure.")
        if str(claims["aud"]).rstrip("/") != self._audience:
            raise _unauthorized("Access token validation failure. Invalid audience.")
        if self._tokens.is_expired(claims):
            raise _unauthorized("Lifetime validation failed, the token is expired.")
        partner = self._world.partners.get(str(claims["tid"]))
        if partner is None or claims["appid"] != partner.client_id or not partner.billing_permission:
            text = "Insufficient privileges to complete the operation."
            raise GraphRefused(403, "Authorization_RequestDenied", text)
        return Caller(partner, "user" if "scp" in claims else "app", str(claims["oid"]))


def _unauthorized(message: str) -> GraphRefused:
    challenge = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
    return GraphRefused(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": challenge})
