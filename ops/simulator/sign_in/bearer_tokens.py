"""Bearer tokens: made here, checked here, never meant to guard anything.

Claims: partner-center/developer/enable-secure-app-model (the sample token), multifactor authentication:
partner-center/developer/partner-security-requirements-mandating-mfa.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Literal

import jwt
from jwt.types import Options

from ops.simulator.commerce.error_codes import Refused
from ops.simulator.requests.calls import Caller
from ops.simulator.state import Partner
from ops.simulator.world import World

PARTNER_CENTER = "https://api.partnercenter.microsoft.com"
RESOURCE_MANAGER = "https://management.azure.com"
GRAPH = "https://graph.microsoft.com"
UNDATED: Options = {"verify_exp": False, "verify_aud": False, "verify_iat": False, "verify_nbf": False}
"""Options to read a token with dates of a clock that PyJWT does not know."""
_ALGORITHM = "HS256"
_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class NoMfa(Refused):
    """The older way to refuse a user's token without ``mfa``: an empty 401."""


class Tokens:
    """Issues and checks the access tokens of one simulator."""

    def __init__(self, world: World, audience: str = PARTNER_CENTER) -> None:
        self._world = world
        self._audience = audience.rstrip("/")
        self._key = secrets.token_bytes(32)
        self._generation = 0
        self._seen: dict[str, dict[str, Any]] = {}

    def issue(
        self,
        partner: Partner,
        kind: Literal["app", "user"] = "app",
        *,
        tenant: str | None = None,
        audience: str | None = None,
        mfa: bool = True,
        lifetime: float | None = None,
    ) -> str:
        """Return an access token; by default of the partner's tenant, for this Partner Center, and with ``mfa``.

        An application's token has no ``mfa``.
        """
        clock = self._world.clock
        now = clock.time()
        expires_at = now + (self._world.settings.token_lifetime if lifetime is None else lifetime)
        claims: dict[str, Any] = {
            "aud": audience or self._audience,
            "iss": f"https://sts.windows.net/{tenant or partner.tenant_id}/",
            "tid": tenant or partner.tenant_id,
            "appid": partner.client_id,
            "iat": int(clock.date(now).timestamp()),
            "nbf": int(clock.date(now).timestamp()),
            "exp": int(clock.date(expires_at).timestamp()),
            "expires_at": expires_at,
            "generation": self._generation,
            "jti": secrets.token_hex(8),
            "ver": "1.0",
        }
        if kind == "user":
            claims |= {
                "oid": partner.user_id,
                "scp": "user_impersonation",
                "amr": ["pwd", "mfa"] if mfa else ["pwd"],
                "upn": "admin@partner.example",
            }
        else:
            claims["oid"] = partner.application_object_id
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def identify(self, partner: Partner, issuer: str, tenant: str) -> str:
        """Return an OIDC id token of the partner's user in a tenant."""
        now = int(self._world.clock.date().timestamp())
        claims = {
            "iss": issuer,
            "aud": partner.client_id,
            "sub": partner.user_id.replace("-", ""),
            "oid": partner.user_id,
            "tid": tenant,
            "preferred_username": "admin@partner.example",
            "name": "Partner Admin",
            "iat": now,
            "nbf": now,
            "exp": now + int(self._world.settings.token_lifetime),
            "ver": "2.0",
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def revoke_all(self) -> None:
        """Refuse every token issued so far."""
        self._generation += 1

    def check(self, authorization: str | None) -> Caller:
        """Return the caller of an Authorization header. Raises Refused with 401."""
        if not authorization:
            raise Refused(800001)
        scheme, _, token = authorization.partition(" ")
        claims = self._claims(token.strip()) if scheme.lower() == "bearer" else None
        partner = self._world.partners.get(str(claims.get("tid"))) if claims else None
        if claims is None or partner is None:
            raise Refused(400, headers=_CHALLENGE)
        if str(claims["aud"]).rstrip("/") != self._audience:
            raise Refused(900420, headers=_CHALLENGE)
        if "scp" not in claims:
            return Caller(partner, "app", str(claims["oid"]))
        if "mfa" not in claims["amr"]:
            older = self._world.settings.mfa_answer == "empty"
            raise (NoMfa if older else Refused)(900421, headers=_CHALLENGE)
        return Caller(partner, "user", str(claims["oid"]))

    def read(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token that was issued here, whether or not it is still good; else None."""
        claims = self._seen.get(token)
        if claims is None:
            try:
                claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM], options=UNDATED)
            except jwt.InvalidTokenError:
                return None
            self._seen[token] = claims
        return claims

    def is_revoked(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether the token with these claims was revoked."""
        return bool(claims.get("generation") != self._generation)

    def is_expired(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether the token with these claims has expired."""
        return bool(self._world.clock.time() >= claims["expires_at"])

    def _claims(self, token: str) -> dict[str, Any] | None:
        claims = self.read(token)
        if claims is None or self.is_revoked(claims) or self.is_expired(claims):
            return None
        return claims
