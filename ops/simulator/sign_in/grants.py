"""Grants tokens for client credentials and refresh tokens, as Entra does."""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

from ops.simulator.requests.answers import Json
from ops.simulator.sign_in.bearer_tokens import PARTNER_CENTER, UNDATED, Tokens
from ops.simulator.state import Partner
from ops.simulator.world import World

REFRESH_TOKEN_LIFETIME = 90 * 86400.0
KNOWN_RESOURCES = ("https://graph.windows.net", "https://management.azure.com", "https://graph.microsoft.com")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Denied(Exception):
    """A refused token: an error of shape E, with its OAuth word and Entra's number."""

    def __init__(self, error: str, number: int, text: str, status: int = 400) -> None:
        self.error, self.number, self.text, self.status = error, number, text, status
        super().__init__(f"{error}: AADSTS{number}: {text}")


@dataclass
class RefreshToken:
    """A user's consent, redeemable for 90 days."""

    partner: Partner
    mfa: bool
    expires_at: float
    redeemed: bool = False


class Grants:
    """Exchanges the credentials of a client for tokens."""

    def __init__(self, world: World, tokens: Tokens, audience: str) -> None:
        self._world = world
        self._tokens = tokens
        self._audience = audience.rstrip("/")
        self._refresh_tokens: dict[str, RefreshToken] = {}

    def refresh_token(self, partner: Partner, *, mfa: bool = True) -> str:
        """Return a fresh refresh token of the partner's user, as from the first consent."""
        text = f"0.{secrets.token_urlsafe(48)}"
        self._refresh_tokens[text] = RefreshToken(partner, mfa, self._world.now + REFRESH_TOKEN_LIFETIME)
        return text

    def revoke_refresh_tokens(self) -> None:
        """Revoke every refresh token."""
        self._refresh_tokens = {}

    def grant(self, tenant: str, form: Mapping[str, str], version: int, endpoint: str) -> Json:
        """Return the body of a token answer; raises Denied."""
        partner = self._client(tenant, form, endpoint)
        audience = self._resource(form, version)
        grant_type = form.get("grant_type")
        if grant_type == "client_credentials":
            token = self._tokens.issue(partner, "app", audience=audience)
            return self._body(version, token, audience, {})
        if grant_type == "refresh_token":
            redeemed = self._redeem(partner, form.get("refresh_token", ""))
            token = self._tokens.issue(partner, "user", audience=audience, mfa=redeemed.mfa)
            rotated = self.refresh_token(partner, mfa=redeemed.mfa)
            issuer = endpoint.partition("/oauth2/")[0] + "/v2.0"
            more = {
                "scope": _scope(audience, version),
                "refresh_token": rotated,
                "id_token": self._tokens.identify(partner, issuer),
                "client_info": _client_info(partner),
            }
            return self._body(version, token, audience, more)
        raise Denied("unsupported_grant_type", 70003, f"the grant type {grant_type!r} is not supported")

    def _client(self, tenant: str, form: Mapping[str, str], endpoint: str) -> Partner:
        partner = self._world.partners.get(tenant)
        if partner is None:
            raise Denied("invalid_request", 90002, "this tenant does not exist here")
        if form.get("client_id", "").lower() != partner.client_id.lower():
            raise Denied("unauthorized_client", 700016, "no application with this id is in the tenant")
        if "client_assertion" in form:
            self._check_assertion(partner, form, endpoint)
        elif not form.get("client_secret"):
            raise Denied("invalid_client", 7000218, "the request lacks client_assertion or client_secret", 401)
        elif not hmac.compare_digest(form["client_secret"].encode(), partner.client_secret.encode()):
            raise Denied("invalid_client", 7000215, "the client secret is not valid", 401)
        return partner

    def _check_assertion(self, partner: Partner, form: Mapping[str, str], endpoint: str) -> None:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Denied("invalid_request", 900144, "client_assertion_type is missing or unknown")
        try:
            if self._is_federated(partner, form["client_assertion"]):
                return
            claims = jwt.decode(
                form["client_assertion"],
                partner.certificate or "",
                algorithms=["RS256", "PS256"],
                options=UNDATED,
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Denied("invalid_client", 700027, "the client assertion has no valid signature", 401) from None
        if str(claims.get("sub", "")).lower() != partner.client_id.lower():
            raise Denied("invalid_client", 700021, "the subject of the client assertion is another client", 401)
        if claims.get("aud") not in (endpoint, endpoint.replace("/v2.0/", "/")):
            raise Denied("invalid_client", 50027, "the audience of the client assertion is another endpoint", 401)
        if float(claims.get("exp", 0)) <= self._world.clock.date().timestamp():
            raise Denied("invalid_client", 700024, "the client assertion has expired", 401)

    @staticmethod
    def _is_federated(partner: Partner, assertion: str) -> bool:
        claims = jwt.decode(assertion, options={"verify_signature": False})
        return partner.federated_subject is not None and claims.get("sub") == partner.federated_subject

    def _resource(self, form: Mapping[str, str], version: int) -> str:
        if version == 1:
            asked = [form.get("resource", "")]
        else:
            asked = [scope.rpartition("/")[0] for scope in form.get("scope", "").split() if "/" in scope]
        for resource in (self._audience, PARTNER_CENTER, *KNOWN_RESOURCES):
            if resource in {each.rstrip("/") for each in asked}:
                return resource
        raise Denied("invalid_resource", 500011, f"no resource principal is named {' '.join(asked)!r} in the tenant")

    def _redeem(self, partner: Partner, text: str) -> RefreshToken:
        found = self._refresh_tokens.get(text)
        if found is None or found.partner is not partner:
            raise Denied("invalid_grant", 9002313, "the refresh token is malformed or was revoked")
        if found.expires_at <= self._world.now:
            raise Denied("invalid_grant", 700082, "the refresh token has expired due to inactivity")
        if found.redeemed and not self._world.settings.refresh_token_reuse:
            raise Denied("invalid_grant", 54005, "the refresh token was redeemed before")
        found.redeemed = True
        return found

    def _body(self, version: int, token: str, audience: str, more: Mapping[str, str]) -> Json:
        lifetime = int(self._world.settings.token_lifetime)
        if version == 2:
            numbers: Json = {"expires_in": lifetime, "ext_expires_in": lifetime}
        else:
            now = int(self._world.clock.date().timestamp())
            numbers = {
                "expires_in": str(lifetime),
                "ext_expires_in": str(lifetime),
                "expires_on": str(now + lifetime),
                "not_before": str(now - 300),
                "resource": audience,
            }
        return {"token_type": "Bearer", **numbers, "access_token": token, **more}


def _client_info(partner: Partner) -> str:
    text = json.dumps({"uid": partner.user_id, "utid": partner.tenant_id})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _scope(audience: str, version: int) -> str:
    return f"{audience}/user_impersonation" if version == 2 else "user_impersonation"
