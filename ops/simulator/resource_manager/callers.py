"""Who calls Azure Resource Manager: bearer tokens of customers' tenants, and how others are refused.

Codes and words as users report them, such as github.com hashicorp/go-azure-helpers#51 (audience) and
Azure/azure-sdk-for-net#49391 (tenant).
"""

from collections.abc import Mapping
from typing import Any

from ops.simulator.resource_manager.calls import ArmCaller, ArmRefused
from ops.simulator.sign_in.bearer_tokens import Tokens
from ops.simulator.world import World


class ArmCallers:
    """Tells callers by their tokens."""

    def __init__(self, world: World, tokens: Tokens, audience: str) -> None:
        self._world = world
        self._tokens = tokens
        self._audience = audience.rstrip("/")

    def check(self, authorization: str | None) -> ArmCaller:
        """Return the caller of an Authorization header. Raises ArmRefused with 401."""
        if not authorization:
            raise _unauthorized("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        claims = self._good(authorization)
        if str(claims["aud"]).rstrip("/") != self._audience:
            raise _unauthorized(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. It should "
                f"exactly match with one of the allowed audiences '{self._audience}/','{self._audience}'.",
            )
        tenant = str(claims["tid"])
        customer = self._world.customers.get(tenant)
        partner = self._world.partners.get(customer.partner if customer else tenant)
        if partner is None or claims["appid"] != partner.client_id:
            raise _unauthorized("InvalidAuthenticationToken", "The access token is of an unknown tenant.")
        name = str(claims.get("upn", claims["appid"]))
        return ArmCaller(partner, tenant, "user" if "scp" in claims else "app", str(claims["oid"]), name)

    def _good(self, authorization: str) -> Mapping[str, Any]:
        scheme, _, token = authorization.partition(" ")
        claims = self._tokens.read(token.strip()) if scheme.lower() == "bearer" else None
        if claims is None or self._tokens.is_revoked(claims):
            raise _unauthorized("InvalidAuthenticationToken", "The access token is invalid.")
        if self._tokens.is_expired(claims):
            raise _unauthorized("ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than now.")
        return claims


def of_another_tenant(used: str, right: str) -> ArmRefused:
    """Return the refusal of a token whose tenant does not own the Azure subscription."""
    return _unauthorized(
        "InvalidAuthenticationTokenTenant",
        f"The access token is from the wrong issuer 'https://sts.windows.net/{used}/'. It must match the tenant "
        f"'https://sts.windows.net/{right}/' associated with this subscription. Please use the authority (URL) "
        f"'https://login.windows.net/{right}' to get the token.",
        tenant=right,
    )


def _unauthorized(code: str, message: str, tenant: str = "common") -> ArmRefused:
    challenge = f'Bearer authorization_uri="https://login.windows.net/{tenant}", error="invalid_token"'
    return ArmRefused(401, code, message, headers={"WWW-Authenticate": challenge})
