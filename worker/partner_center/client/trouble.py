"""What can be wrong on the way to Partner Center and its sign-in: why, who can resolve it, and what to do.

Each kind is a row of `trouble.tsv` beside this module: what the network does, what OAuth 2.0 calls an error, and the
codes of Microsoft's sign-in. Nothing but the advice depends on a code, since Microsoft changes them over time; one that
is not known gets the advice of its OAuth error.
Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from events.codes import Fault
from worker.partner_center.answers.codes import explanations

CODE = re.compile(r"AADSTS([0-9]{4,8})(?![0-9])", re.IGNORECASE)
"""A code of Microsoft's sign-in."""
_UNAUTHORIZED = 401
REFUSED_CREDENTIAL = frozenset({"AADSTS7000215", "AADSTS7000222", "AADSTS700027"})
"""What the authority says where the credential is no longer, or not yet, the one that it knows."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that can be wrong."""

    kind: str
    title: str
    """A short phrase for the top of a message."""
    cause: str
    fault: Fault
    person: bool
    """Whether only a person can resolve it; else it may pass by itself, and azplan asks again."""
    advice: str
    """What to do next."""

    @property
    def code(self) -> str | None:
        """The code of Microsoft's sign-in, where it is one."""
        return self.kind if self.kind.startswith("AADSTS") else None

    @property
    def named(self) -> str:
        """The title, with the code where there is one."""
        return f"{self.title} ({self.code})" if self.code else self.title

    def at(self, account: str, address: str = "AUTHORITY") -> "Trouble":
        """The same of one account; `address` is the setting that names the host."""
        names = self.advice.replace("<NAME>", account.upper()).replace("<ADDRESS>", address)
        return replace(self, advice=names)


def trouble_of(*kinds: str | None) -> Trouble:
    """The first of these that is known, under the first of these names; `other` where none is."""
    given = [kind for kind in kinds if kind]
    for kind in given:
        if kind in known_trouble():
            return replace(known_trouble()[kind], kind=given[0])
    return replace(known_trouble()["other"], kind=given[0] if given else "other")


def refused_token(code: str | None) -> Trouble:
    """Partner Center refuses a token, with this code of its own."""
    row = known_trouble()["refused"]
    for meaning in explanations(code or ""):
        if meaning.status == _UNAUTHORIZED:
            return replace(row, title=f"{row.title}: {meaning.title} ({code})", advice=meaning.advice)
    return row


def sign_in_code(words: str) -> str | None:
    """The code of Microsoft's sign-in in these words, as `AADSTS7000215`; None where there is none."""
    found = CODE.search(words)
    return f"AADSTS{found[1]}" if found else None


def find_trouble(typed: str) -> Trouble | None:
    """What a person means who types `7000215`, `aadsts7000215` or `tls_expired`; None where that is not known."""
    word = typed.strip()
    digits = word.upper().removeprefix("AADSTS")
    kind = f"AADSTS{digits}" if digits.isdigit() else word.lower()
    return known_trouble().get(kind)


@cache
def known_trouble() -> Mapping[str, Trouble]:
    """All rows by their kind, in the order of the table."""
    table = files(__package__).joinpath("trouble.tsv").read_text(encoding="utf-8")
    return MappingProxyType({row.kind: row for row in _rows(table.splitlines()[1:])})


def _rows(lines: Iterable[str]) -> Iterable[Trouble]:
    for line in lines:
        kind, resolved_by, fault, advice, title, cause = line.split("\t")
        yield Trouble(kind, title, cause, Fault(fault), resolved_by == "person", _ADVICE[advice])


_SET_PROXY = "Where only a proxy may go out, set AZPLAN_PARTNERS__<NAME>__PROXY."
_READ_AGAIN = "A file is read again by itself; after a change of an environment variable, restart the worker."

_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "dns": ("Check the host in AZPLAN_PARTNERS__<NAME>__<ADDRESS>, and DNS where the worker runs. " + _SET_PROXY),
        "connect": (
            "Check AZPLAN_PARTNERS__<NAME>__<ADDRESS>, and that the firewall lets the worker out to it. " + _SET_PROXY
        ),
        "timeout": (
            "azplan asks again by itself. If it stays, check that firewall and proxy let the worker out to "
            "AZPLAN_PARTNERS__<NAME>__<ADDRESS>, and look at Microsoft's service health."
        ),
        "trust": (
            "Put the authority that signed it into the system's trust store, or name its file in "
            "AZPLAN_PARTNERS__<NAME>__CA_FILE. The credential is not the cause."
        ),
        "expired": (
            "Check the clock of this machine. If it is right, the host, or the proxy on the way to it, needs a new "
            "certificate. The credential is not the cause."
        ),
        "name": (
            "Check AZPLAN_PARTNERS__<NAME>__<ADDRESS>, and whether DNS or a proxy leads to another host. "
            "The credential is not the cause."
        ),
        "tls": (
            "Check that AZPLAN_PARTNERS__<NAME>__<ADDRESS> names a port that speaks TLS, and that no proxy or firewall "
            "cuts TLS off. The credential is not the cause."
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
            "Nothing to do at once: azplan asks again by itself. If it stays, look at Microsoft's service health."
        ),
        "loop": (
            "Nothing to do at once: azplan asks again, once a minute at most. If it stays, look for what else signs in "
            "with this application."
        ),
        "not_authority": (
            "Check AZPLAN_PARTNERS__<NAME>__AUTHORITY and __TENANT_ID, and what a proxy on the way answers in its name."
        ),
        "credential_file": (
            "Check AZPLAN_PARTNERS__<NAME>__CERTIFICATE_FILE (PEM with certificate and private key) or "
            "__FEDERATED_TOKEN_FILE: that the file is there, and that the worker's user may read it."
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
        "clock": "Set the clock of this machine by a time server; a token of a workload identity must be a fresh one.",
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
            "Check AZPLAN_PARTNERS__<NAME>__TENANT_ID and __AUTHORITY: the id of the partner's tenant, at the "
            "authority of the cloud that it belongs to."
        ),
        "audience": (
            "Check AZPLAN_PARTNERS__<NAME>__AUDIENCE and __TENANT_ID: the tenant must be that of the partner account, "
            "enrolled in Partner Center."
        ),
        "consent": (
            "Have an administrator of the tenant grant the application its permissions in Microsoft Entra (with a "
            "user's token, sign the user in again after that)."
        ),
        "assign": "Have an administrator assign the user to the application in Microsoft Entra, then sign in again.",
        "user": (
            "Sign the user in again, with multi-factor authentication, and put the new refresh token into "
            "AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE; the worker must be able to write in its folder."
        ),
        "policy": (
            "Have an administrator of the tenant find the policy in Microsoft Entra's sign-in log and allow this "
            "application, user or network; with a user's token, sign the user in again after that."
        ),
        "account": (
            "Have an administrator put the user's account in order in Microsoft Entra. Then sign the user in again, "
            "and put the new refresh token into AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE."
        ),
        "other": ("Look the code up at https://login.microsoftonline.com/error, and try again with `azplan check`."),
    }
)
