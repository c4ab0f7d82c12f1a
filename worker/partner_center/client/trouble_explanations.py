"""Troubles of connection and sign-in: for each kind the cause, who can resolve it, and what to do.

Each kind is a row of `trouble_explanations.tsv` beside this module: a failure of the network, an error of OAuth 2.0, or
a code of Microsoft's sign-in. Only the advice depends on a code, because Microsoft changes the codes over time. An
unknown code gets the advice of its OAuth error.
Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from events.codes import Fault
from worker.partner_center.answers.error_code_explanations import explanations
from worker.partner_center.operation import Api

CODE = re.compile(r"AADSTS([0-9]{4,8})(?![0-9])", re.IGNORECASE)
"""A code of Microsoft's sign-in."""
_UNAUTHORIZED = 401
REFUSED_CREDENTIAL = frozenset({"AADSTS7000215", "AADSTS7000222", "AADSTS700027"})
"""The authority's codes for a credential that it does not know any more, or not yet."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of trouble."""

    kind: str
    title: str
    """A short phrase for the top of a message."""
    cause: str
    fault: Fault
    person: bool
    """Whether only a person can resolve it. If not, it may pass by itself, and azplan tries again."""
    advice: str
    """What to do next."""

    @property
    def code(self) -> str | None:
        """The code of Microsoft's sign-in. None if the kind is no such code."""
        return self.kind if self.kind.startswith("AADSTS") else None

    @property
    def named(self) -> str:
        """The title, with the code if there is one."""
        return f"{self.title} ({self.code})" if self.code else self.title

    def at(self, account: str, address: str = "AUTHORITY", audience: str = "AUDIENCE") -> "Trouble":
        """The same trouble, with the names of the account and of its settings in the advice.

        `address`: the setting that names the host; `audience`: the setting that names the audience of the token.
        """
        advice = self.advice.replace("<NAME>__AUDIENCE", f"<NAME>__{audience}")
        return replace(self, advice=advice.replace("<NAME>", account.upper()).replace("<ADDRESS>", address))


def trouble_of(*kinds: str | None) -> Trouble:
    """The trouble of the first known kind, but named after the first kind. `other` if no kind is known."""
    given = [kind for kind in kinds if kind]
    for kind in given:
        if kind in known_trouble():
            return replace(known_trouble()[kind], kind=given[0])
    return replace(known_trouble()["other"], kind=given[0] if given else "other")


def refused_token(code: str | None, api: Api) -> Trouble:
    """The trouble when a service refuses a token with this code of its own."""
    row = known_trouble()["refused" if api is Api.CENTER else f"refused_by_{api}"]
    for meaning in explanations(code or ""):
        if meaning.status == _UNAUTHORIZED and meaning.service is api:
            return replace(row, title=f"{row.title}: {meaning.title} ({code})", advice=meaning.advice)
    return row


def sign_in_code(words: str) -> str | None:
    """The first code of Microsoft's sign-in in `words`, such as `AADSTS7000215`. None if there is none."""
    found = CODE.search(words)
    return f"AADSTS{found[1]}" if found else None


def find_trouble(typed: str) -> Trouble | None:
    """The trouble for `7000215`, `aadsts7000215` or `tls_expired`, as a person types it. None if unknown."""
    word = typed.strip()
    digits = word.upper().removeprefix("AADSTS")
    kind = f"AADSTS{digits}" if digits.isdigit() else word.lower()
    return known_trouble().get(kind)


@cache
def known_trouble() -> Mapping[str, Trouble]:
    """All troubles by kind, in the order of the table."""
    table = files(__package__).joinpath("trouble_explanations.tsv").read_text(encoding="utf-8")
    return MappingProxyType({row.kind: row for row in _rows(table.splitlines()[1:])})


def _rows(lines: Iterable[str]) -> Iterable[Trouble]:
    for line in lines:
        kind, resolved_by, fault, advice, title, cause = line.split("\t")
        yield Trouble(kind, title, cause, Fault(fault), resolved_by == "person", _ADVICE[advice])


_SET_PROXY = "If only a proxy has access to the internet, set AZPLAN_PARTNERS__<NAME>__PROXY."
_READ_AGAIN = "The worker reads a changed file again by itself. After a change of an environment variable, restart it."

_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "dns": ("Check the host in AZPLAN_PARTNERS__<NAME>__<ADDRESS>, and DNS where the worker runs. " + _SET_PROXY),
        "connect": (
            "Check AZPLAN_PARTNERS__<NAME>__<ADDRESS>, and that the firewall lets the worker connect to that host. "
            + _SET_PROXY
        ),
        "timeout": (
            "azplan tries again by itself. If the trouble persists, check that firewall and proxy let the worker "
            "connect to AZPLAN_PARTNERS__<NAME>__<ADDRESS>, and check Microsoft's service health."
        ),
        "trust": (
            "Add the authority that signed the certificate to the system's trust store, or name its file in "
            "AZPLAN_PARTNERS__<NAME>__CA_FILE. The credential is not the cause."
        ),
        "expired": (
            "Check the clock of this machine. If the clock is right, the host or the proxy before it needs a new "
            "certificate. The credential is not the cause."
        ),
        "name": (
            "Check AZPLAN_PARTNERS__<NAME>__<ADDRESS>, and whether DNS or a proxy leads to a wrong host. "
            "The credential is not the cause."
        ),
        "tls": (
            "Check that AZPLAN_PARTNERS__<NAME>__<ADDRESS> names a port that speaks TLS, and that no proxy or firewall "
            "interrupts TLS. The credential is not the cause."
        ),
        "proxy": (
            "Check AZPLAN_PARTNERS__<NAME>__PROXY, that the proxy runs, and that it allows CONNECT to the host in "
            "AZPLAN_PARTNERS__<NAME>__<ADDRESS>."
        ),
        "proxy_auth": (
            "Write the proxy's user and password, percent-encoded, into AZPLAN_PARTNERS__<NAME>__PROXY "
            "(http://user:password@host:port)."
        ),
        "later": (
            "Nothing to do now: azplan tries again by itself. If the trouble persists, check Microsoft's service "
            "health."
        ),
        "loop": (
            "Nothing to do now: azplan tries again, at most once a minute. If the trouble persists, find out which "
            "other program signs in with this application."
        ),
        "not_authority": (
            "Check AZPLAN_PARTNERS__<NAME>__AUTHORITY and __TENANT_ID, and whether a proxy answers in place of "
            "Microsoft."
        ),
        "credential_file": (
            "Check AZPLAN_PARTNERS__<NAME>__CERTIFICATE_FILE (PEM with certificate and private key) or "
            "__FEDERATED_TOKEN_FILE: the file must exist, and the worker's user must be able to read it."
        ),
        "refresh_token_file": (
            "Check AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE: the file must hold a refresh token, and the worker "
            "must be able to write in its folder."
        ),
        "settings": (
            "Check AZPLAN_PARTNERS__<NAME>__AUTHORITY, __TENANT_ID, __CLIENT_ID and the credential with "
            "`azplan config show`."
        ),
        "refused": (
            "Check AZPLAN_PARTNERS__<NAME>__AUDIENCE, __TENANT_ID and __CLIENT_ID, and that the application is "
            "registered in Partner Center's app management, in that tenant."
        ),
        "refused_by_arm": (
            "Check AZPLAN_PARTNERS__<NAME>__ARM_AUDIENCE, __ARM_URL and __AUTHORITY: all must belong to the same cloud."
        ),
        "refused_by_graph": (
            "Check AZPLAN_PARTNERS__<NAME>__GRAPH_AUDIENCE, __GRAPH_URL and __AUTHORITY: all must belong to the same "
            "cloud."
        ),
        "credential": (
            "Check AZPLAN_PARTNERS__<NAME>__CLIENT_ID, __TENANT_ID and the secret or certificate, and compare them "
            "with the application's registration in Microsoft Entra. " + _READ_AGAIN
        ),
        "secret": (
            "Make a new client secret for the application in Microsoft Entra, and put its value (not its id) into "
            "AZPLAN_PARTNERS__<NAME>__CLIENT_SECRET. " + _READ_AGAIN
        ),
        "certificate": (
            "Upload the certificate in AZPLAN_PARTNERS__<NAME>__CERTIFICATE_FILE to the application in Microsoft "
            "Entra, or put the registered one and its key into that file. " + _READ_AGAIN
        ),
        "clock": "Set the clock of this machine by a time server. The token of a workload identity must be fresh.",
        "federated": (
            "Compare issuer, subject and audience of the token in AZPLAN_PARTNERS__<NAME>__FEDERATED_TOKEN_FILE with "
            "the application's federated credentials in Microsoft Entra."
        ),
        "application": (
            "Check AZPLAN_PARTNERS__<NAME>__CLIENT_ID and __TENANT_ID: the application must be registered in that "
            "tenant, or an administrator of the tenant must have consented to it."
        ),
        "enable": "Have an administrator of the tenant enable the application in Microsoft Entra.",
        "tenant": (
            "Check AZPLAN_PARTNERS__<NAME>__TENANT_ID and __AUTHORITY: they must be the id of the partner's tenant and "
            "the authority of that tenant's cloud."
        ),
        "audience": (
            "Check AZPLAN_PARTNERS__<NAME>__AUDIENCE and __TENANT_ID: the tenant must be the partner account's, which "
            "is enrolled in Partner Center."
        ),
        "consent": (
            "Have an administrator of the tenant grant the application its permissions in Microsoft Entra. If the "
            "account uses a user's token, then sign the user in again."
        ),
        "assign": "Have an administrator assign the user to the application in Microsoft Entra, then sign in again.",
        "user": (
            "Sign the user in again with multi-factor authentication, and write the new refresh token into "
            "AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE. The worker must be able to write in the folder of that file."
        ),
        "policy": (
            "Have an administrator of the tenant find the policy in Microsoft Entra's sign-in log and allow this "
            "application, user or network. If the account uses a user's token, then sign the user in again."
        ),
        "account": (
            "Have an administrator repair the user's account in Microsoft Entra. Then sign the user in again, and "
            "write the new refresh token into AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE."
        ),
        "other": "Look the code up at https://login.microsoftonline.com/error, then try again with `azplan check`.",
    }
)
