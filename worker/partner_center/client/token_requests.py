"""Requests tokens from the token authority (Microsoft Entra) with MSAL, and finds the kind of trouble of each failure.

Texts of errors hold the authority's code and words. They never hold a secret, a token or an assertion.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from ssl import SSLContext
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import msal
import structlog

from worker.partner_center.answers.error_bodies import clean
from worker.partner_center.client.proxy import Proxy
from worker.partner_center.client.refresh_token import RefreshTokenFile, RefreshTokenFileError
from worker.partner_center.client.trouble_explanations import REFUSED_CREDENTIAL, Trouble, sign_in_code, trouble_of
from worker.partner_center.client.unreachable_cause import why_unreachable
from worker.redaction import Redactor

log = structlog.get_logger("azplan.tokens")

TIMEOUT = 30.0
"""Seconds for one request to the authority."""
_LONGEST_WORDS = 300
_TOO_MANY = 429


class NoToken(Exception):
    """There is no token, and asking again before `delay` seconds is useless. `trouble`: what is wrong, what to do."""

    def __init__(self, reason: str, delay: float = 0.0, trouble: Trouble | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.delay = delay
        self.trouble = trouble or trouble_of("other")
        self.of_credential = False
        """Whether the authority refuses the credential. Somebody may have replaced the credential meanwhile."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The application at the authority. Exactly one of secret, certificate and federated token is given."""

    authority: str
    client_id: str
    audience: str
    client_secret: str | None = None
    read_again: Callable[[], str | None] | None = None
    """Reads the secret again from its setting. Returns None if it cannot be read."""
    certificate_file: Path | None = None
    """PEM file with certificate and private key, read again for each request."""
    federated_token_file: Path | None = None
    """File with the token of a workload identity, read again for each request."""
    arm_audience: str = "https://management.azure.com"
    """The audience of tokens for Azure Resource Manager, which are of a customer's tenant."""
    graph_audience: str = "https://graph.microsoft.com"
    """The audience of tokens for Microsoft Graph."""

    def __repr__(self) -> str:
        return f"Identity({self.client_id} at {self.authority})"

    def at_customer(self, tenant: str) -> "Identity":
        """The same application at a customer's tenant, for Azure Resource Manager.

        The authority is the account's with the tenant, its last segment, replaced.
        """
        host = self.authority.rstrip("/").rpartition("/")[0]
        return replace(self, authority=f"{host}/{tenant}", audience=self.arm_audience)

    def at_graph(self) -> "Identity":
        """The same application at the same authority, for Microsoft Graph."""
        return replace(self, audience=self.graph_audience)

    @property
    def scopes(self) -> list[str]:
        """The scopes of a token: all permissions that were granted for the audience."""
        return [f"{self.audience.rstrip('/')}/.default"]

    def credential(self, secret: str | None) -> object:
        """The credential in MSAL's form. Raises OSError or ValueError if a file cannot be used."""
        if self.federated_token_file is not None:
            assertion = self.federated_token_file.read_text(encoding="utf-8").strip()
            return {"client_assertion": lambda: assertion}
        if self.certificate_file is not None:
            pem = self.certificate_file.read_text(encoding="utf-8")
            return {"private_key": pem, "public_certificate": pem}
        return secret


Ask = Callable[[msal.ConfidentialClientApplication, list[str]], Mapping[str, Any]]


class Authority:
    """Requests tokens. Its methods block: call them in a thread."""

    def __init__(self, identity: Identity, tls: SSLContext, proxy: Proxy | None = None) -> None:
        self._identity = identity
        self._secret = identity.client_secret
        self._tls = tls
        self._proxy = proxy if proxy is not None and proxy.serves(identity.authority) else None

    def by_credential(self) -> Mapping[str, Any]:
        """A token of the application itself. Raises `NoToken`."""
        return self._ask(lambda app, scopes: app.acquire_token_for_client(scopes=scopes))

    def by_refresh_token(self, file: RefreshTokenFile) -> Mapping[str, Any]:
        """A token of the user. Stores the successor of the refresh token. Raises `NoToken`."""
        try:
            with file.redemption() as (refresh_token, store):
                result = self._ask(_redeems(refresh_token), refresh_token)
                if result.get("refresh_token"):
                    store(result["refresh_token"])
        except RefreshTokenFileError as error:
            raise NoToken(str(error), trouble=trouble_of("refresh_token_file")) from None
        return result

    def by_lent_refresh_token(self, file: RefreshTokenFile) -> Mapping[str, Any]:
        """A token of the user at this authority. A successor of the refresh token is not kept. Raises `NoToken`."""
        try:
            refresh_token = file.token()
        except RefreshTokenFileError as error:
            raise NoToken(str(error), trouble=trouble_of("refresh_token_file")) from None
        return self._ask(_redeems(refresh_token), refresh_token)

    def _ask(self, ask: Ask, *secrets: str) -> Mapping[str, Any]:
        """Ask. If the secret is refused, and its setting has a new value by now, ask once more with that."""
        try:
            return self._ask_with(self._secret, ask, *secrets)
        except NoToken as refusal:
            read_again = self._identity.read_again
            if not refusal.of_credential or read_again is None:
                raise
            secret = read_again()
            if not secret or secret == self._secret:
                raise
            self._secret = secret
            log.info("token.secret_replaced", client=self._identity.client_id, refused=refusal.trouble.kind)
        return self._ask_with(self._secret, ask, *secrets)

    def _ask_with(self, secret: str | None, ask: Ask, *secrets: str) -> Mapping[str, Any]:
        """Ask with a new MSAL application: no cache of MSAL outlives a mistake. Happens about once an hour."""
        known = (*secrets, secret or "", self._proxy.password if self._proxy else "")
        redact = Redactor([form for each in known for form in (each, quote(each), quote_plus(each))]).text

        def words(text: str) -> str:
            return redact(clean(text))[:_LONGEST_WORDS]

        try:
            credential = self._identity.credential(secret)
        except (OSError, ValueError) as error:
            said = f"the credential cannot be read ({words(f'{type(error).__name__}: {error}')})"
            raise NoToken(said, trouble=trouble_of("credential_file")) from None
        with _Http(self._tls, self._proxy) as client:
            try:
                app = msal.ConfidentialClientApplication(
                    self._identity.client_id,
                    client_credential=credential,
                    authority=self._identity.authority,
                    instance_discovery=False,
                    http_client=client,
                )
                result: Mapping[str, Any] = ask(app, self._identity.scopes)
            except Exception as error:  # noqa: BLE001 - MSAL, httpx, ssl and the file system each raise their own
                said = words(f"{type(error).__name__}: {error}")
                kind = client.trouble() or self._before_asking()
                raise NoToken(
                    f"{self._identity.authority} cannot be asked for a token ({said})", trouble=kind
                ) from None
        if "access_token" not in result:
            said = words(" ".join(str(result.get(name) or "") for name in ("error", "error_description")))
            oauth = str(result.get("error") or "")
            kind = trouble_of(sign_in_code(said), oauth)
            no = NoToken(f"{self._identity.authority} gives no token ({said})", trouble=kind)
            no.of_credential = oauth == "invalid_client" or kind.kind in REFUSED_CREDENTIAL
            raise no
        return result

    def _before_asking(self) -> Trouble:
        """The trouble if no sent request failed: MSAL could not make the request."""
        return trouble_of("credential_file" if self._identity.certificate_file else "settings")


def _redeems(refresh_token: str) -> Ask:
    return lambda app, scopes: app.acquire_token_by_refresh_token(refresh_token, scopes=scopes)


class _Http(httpx.Client):
    """httpx in the form that MSAL needs: some form values are bytes. Remembers the result of its last request."""

    def __init__(self, tls: SSLContext, proxy: Proxy | None) -> None:
        account = (proxy.user, proxy.password) if proxy and proxy.user is not None else None
        super().__init__(
            verify=tls,
            timeout=TIMEOUT,
            trust_env=False,
            proxy=httpx.Proxy(proxy.url, auth=account) if proxy else None,
        )
        self._proxied = proxy is not None
        self._ended: httpx.Response | Exception | None = None

    def post(self, url: str, *, data: Mapping[str, str | bytes], **others: Any) -> httpx.Response:  # type: ignore[override]
        """Post a form."""
        form = {name: value.decode() if isinstance(value, bytes) else value for name, value in data.items()}
        return super().post(url, data=form, **others)

    def send(self, *args: Any, **others: Any) -> httpx.Response:
        """Send a request, once."""
        try:
            response = super().send(*args, **others)
        except Exception as error:
            self._ended = error
            raise
        self._ended = response
        return response

    def trouble(self) -> Trouble | None:
        """The trouble of the last request. None if the request was fine or there was none."""
        match self._ended:
            case Exception():
                return trouble_of(why_unreachable(self._ended, proxied=self._proxied))
            case httpx.Response():
                return _of_answer(self._ended)
            case _:
                return None


def _of_answer(answer: httpx.Response) -> Trouble | None:
    """The trouble of an answer that MSAL could not read: the authority's own error, its outage, or a foreign page."""
    body: object = None
    with suppress(ValueError):
        body = answer.json()
    code = sign_in_code(answer.text)
    if isinstance(body, Mapping) and (code or body.get("error")):
        return trouble_of(code, str(body.get("error") or ""))
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code == _TOO_MANY:
        return trouble_of("http")
    return None if answer.is_success and isinstance(body, Mapping) else trouble_of("not_authority")
