"""Grants tokens for client credentials and refresh tokens, as Entra does, in the tenants of partners and customers.

A partner's application gets a token of a customer's tenant where that tenant knows the application and consented to it:
partner-center/developer/gdap-and-secure-application-model.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jwt

from ops.simulator.requests.answers import Json
from ops.simulator.sign_in.bearer_tokens import GRAPH, PARTNER_CENTER, RESOURCE_MANAGER, UNDATED, Tokens
from ops.simulator.state import Customer, Partner
from ops.simulator.world import World

REFRESH_TOKEN_LIFETIME = 90 * 86400.0
KNOWN_RESOURCES = ("https://graph.windows.net", RESOURCE_MANAGER, GRAPH)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Denied(Exception):
    """A refused token: an error of shape E, with its OAuth word and Entra's number."""

    def __init__(self, error: str, number: int, text: str, status: int = 400, *, suberror: str | None = None) -> None:
        self.error, self.number, self.text, self.status, self.suberror = error, number, text, status, suberror
        super().__init__(f"{error}: AADSTS{number}: {text}")


@dataclass
class RefreshToken:
    """A user's consent, redeemable for 90 days."""

    partner: Partner
    mfa: bool
    expires_at: float
    tenant: str | None = None
    """The customer's tenant that it came from, and for which alone it is good; None: from the partner's own tenant."""
    redeemed: bool = False


class Grants:
    """Exchanges the credentials of a client for tokens."""

    def __init__(self, world: World, tokens: Tokens, audiences: Sequence[str]) -> None:
        self._world = world
        self._tokens = tokens
        self._resources = (*(each.rstrip("/") for each in audiences), PARTNER_CENTER, *KNOWN_RESOURCES)
        self._refresh_tokens: dict[str, RefreshToken] = {}

    def refresh_token(self, partner: Partner, *, mfa: bool = True, tenant: str | None = None) -> str:
        """Return a fresh refresh token of the partner's user, as from the first consent."""
        text = f"0.{secrets.token_urlsafe(48)}"
        self._refresh_tokens[text] = RefreshToken(partner, mfa, self._world.now + REFRESH_TOKEN_LIFETIME, tenant)
        return text

    def knows(self, tenant: str) -> bool:
        """Tell whether there is such a tenant, a partner's or a customer's."""
        return tenant in self._world.partners or tenant in self._world.customers

    def revoke_refresh_tokens(self) -> None:
        """Revoke every refresh token."""
        self._refresh_tokens = {}

    def grant(self, tenant: str, form: Mapping[str, str], version: int, endpoint: str) -> Json:
        """Return the body of a token answer; raises Denied."""
        customer = self._world.customers.get(tenant)
        foreign = customer.id if customer else None
        partner = self._client(tenant, customer, form, endpoint)
        audience = self._resource(form, version)
        grant_type = form.get("grant_type")
        if grant_type == "client_credentials":
            _refuse_without_consent(customer)
            token = self._tokens.issue(partner, "app", tenant=foreign, audience=audience)
            return self._body(version, token, audience, {})
        if grant_type == "refresh_token":
            redeemed = self._redeem(partner, customer, form.get("refresh_token", ""))
            token = self._tokens.issue(partner, "user", tenant=foreign, audience=audience, mfa=redeemed.mfa)
            issuer = endpoint.partition("/oauth2/")[0] + "/v2.0"
            more = {
                "scope": _scope(audience, version),
                "refresh_token": self.refresh_token(partner, mfa=redeemed.mfa, tenant=foreign),
                "id_token": self._tokens.identify(partner, issuer, tenant),
                "client_info": _client_info(partner),
            }
            return self._body(version, token, audience, more)
        raise Denied("unsupported_grant_type", 70003, f"the grant type {grant_type!r} is not supported")

    def _client(self, tenant: str, customer: Customer | None, form: Mapping[str, str], endpoint: str) -> Partner:
        partner = self._world.partners.get(customer.partner if customer else tenant)
        if partner is None:
            raise Denied("invalid_request", 90002, "this tenant does not exist here")
        unknown = customer is not None and (customer.consent == "unknown_application" or not customer.related)
        if unknown or form.get("client_id", "").lower() != partner.client_id.lower():
            raise Denied("unauthorized_client", 700016, f"the application was not found in the directory {tenant!r}")
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
        for resource in self._resources:
            if resource in {each.rstrip("/") for each in asked}:
                return resource
        raise Denied("invalid_resource", 500011, f"no resource principal is named {' '.join(asked)!r} in the tenant")

    def _redeem(self, partner: Partner, customer: Customer | None, text: str) -> RefreshToken:
        found = self._refresh_tokens.get(text)
        if found is None or found.partner is not partner or found.tenant not in (None, customer and customer.id):
            raise Denied("invalid_grant", 9002313, "the refresh token is malformed or was revoked")
        if found.expires_at <= self._world.now:
            raise Denied("invalid_grant", 700082, "the refresh token has expired due to inactivity")
        if found.redeemed and not self._world.settings.refresh_token_reuse:
            raise Denied("invalid_grant", 54005, "the refresh token was redeemed before")
        if customer is not None:
            _refuse_guest(customer, found)
        else:
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


def _refuse_without_consent(customer: Customer | None) -> None:
    if customer is not None and customer.consent == "missing":
        text = "the user or administrator has not consented to use the application"
        raise Denied("invalid_grant", 65001, text, suberror="consent_required")


def _refuse_guest(customer: Customer, redeemed: RefreshToken) -> None:
    """Refuse the partner's user in the customer's tenant where delegated rights, consent or ``mfa`` are missing."""
    if not customer.delegated:
        raise Denied("invalid_grant", 50020, "the user account does not exist in the tenant and cannot access it")
    _refuse_without_consent(customer)
    if not redeemed.mfa:
        text = "the tenant requires multifactor authentication"
        raise Denied("invalid_grant", 50076, text, suberror="basic_action")


def _client_info(partner: Partner) -> str:
    text = json.dumps({"uid": partner.user_id, "utid": partner.tenant_id})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _scope(audience: str, version: int) -> str:
    return f"{audience}/user_impersonation" if version == 2 else "user_impersonation"
