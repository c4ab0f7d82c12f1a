"""Types of settings: how a value is read, which values are valid, and how a value is shown to people."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints, TypeAdapter, ValidationError

from worker.loopback import is_loopback
from worker.redaction import MASK
from worker.settings.journal_url import judged, shown

_UNITS = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024**2, "kB": 1000, "MB": 1000**2}
_TIMEDELTA = TypeAdapter(timedelta)
_ENCODED = r"(?:[^\s:/?#@\[\]%]|%[0-9A-Fa-f]{2})*"
_ACCOUNT = re.compile(rf"{_ENCODED}(?::{_ENCODED})?")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PARTNER_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class ShownAs:
    """Marks a type whose values are shown to people in another form, without their secrets."""

    form: Callable[[str], str]
    """Returns the form of a value that may be shown, also of an invalid value."""


def _duration(value: object) -> object:
    sentence = "must be seconds (40, 0.5) or an ISO 8601 duration (PT5M, P1D)"
    text = str(value).strip().upper()
    try:
        if isinstance(value, timedelta) or text.startswith("P"):
            return _TIMEDELTA.validate_python(value if isinstance(value, timedelta) else text)
        return _TIMEDELTA.validate_python(float(text))
    except (ValueError, ValidationError):
        raise ValueError(sentence) from None


def _bytes(value: object) -> object:
    """A whole number of bytes, with an optional unit after it."""
    found = re.fullmatch(r"(\d+)\s*(|B|KiB|MiB|kB|MB)", str(value).strip())
    if found is None:
        raise ValueError("must be a number of bytes, such as 1000000 or 64 MiB")
    return int(found[1]) * _UNITS[found[2]]


def _folded(value: object, *, upper: bool) -> object:
    if not isinstance(value, str):
        return value
    return value.upper() if upper else value.lower()


def _servers(value: object) -> object:
    names = value if isinstance(value, list) else str(value).split(",")
    servers = [str(name).strip() for name in names]
    for server in servers:
        if not re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[^\s:/]+):[0-9]{1,5}", server):
            raise ValueError(f"must be host:port, several with commas; {server!r} is not")
    return ",".join(servers)


def _hosts(value: object) -> object:
    names = value if isinstance(value, list) else str(value).split(",")
    hosts = [str(name).strip().lower() for name in names]
    for host in hosts:
        if not re.fullmatch(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:]*:[0-9a-f:]*", host):
            raise ValueError(
                "must be names of hosts, without port and path, several with commas: `.example.net` or"
                f" `files.example.net`; {host!r} is none"
            )
    return ",".join(hosts)


def _plain_url(value: str) -> SplitResult:
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("must be a URL that begins with https://")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("must be a URL without user, password, query or fragment")
    return url


def _secure_url(value: str) -> str:
    if _plain_url(value).scheme != "https":
        raise ValueError("must begin with https://")
    return value.rstrip("/")


def _base_url(value: str) -> str:
    url = _plain_url(value)
    if url.scheme != "https" and not is_loopback(url.hostname or ""):
        raise ValueError("must begin with https:// (plain http is accepted for loopback hosts only)")
    return value.rstrip("/")


def _journal_url(value: SecretStr) -> SecretStr:
    return SecretStr(judged(value.get_secret_value()))


def _proxy_url(value: SecretStr) -> SecretStr:
    form = "must be http://host:port or http://user:password@host:port"
    text = value.get_secret_value()
    scheme, divider, rest = text.partition("://")
    if not divider or scheme.lower() != "http":
        raise ValueError(f"{form} (azplan asks the proxy for a tunnel by CONNECT)")
    account, _, place = rest.rstrip("/").rpartition("@")
    if not re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[^\s:/?#@\[\]]+):[0-9]{1,5}", place):
        raise ValueError(form)
    if account and not _ACCOUNT.fullmatch(account):
        raise ValueError(f"{form}; special characters of user and password are written percent-encoded (`@` is %40)")
    return SecretStr(f"http://{account}@{place}" if account else f"http://{place}")


def _without_account(url: str) -> str:
    """The URL of a proxy with user and password masked, also if the URL is invalid."""
    scheme, divider, rest = url.partition("://")
    account, at, host = (rest or scheme).rpartition("@")
    return f"{scheme if rest else ''}{divider}{MASK if account else ''}{at}{host}"


def _partner_names(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    for name in value:
        if not _PARTNER_NAME.fullmatch(str(name).lower()):
            raise ValueError(f"has an entry {name!r}; a name consists of letters, digits, '_', '-' and '.'")
    return {str(name).lower(): entry for name, entry in value.items()}


def all_hold(sentences: Iterable[str]) -> None:
    """Raise one ValueError with all `sentences` about values that do not fit together. Returns if there are none."""
    if found := list(sentences):
        raise ValueError("\n".join(found))


def one_account_each(tenants: Mapping[str, str]) -> Iterable[str]:
    """A sentence for each account whose tenant is, or may be, another account's too: one tenant has one account."""
    first: dict[str, str] = {}
    for name, tenant in tenants.items():
        setting = f"AZPLAN_PARTNERS__{name.upper()}__TENANT_ID"
        other = first.setdefault(tenant.lower(), name)
        if other != name:
            yield (
                f"AZPLAN_PARTNERS__{other.upper()}__TENANT_ID and {setting} are the same tenant: two accounts of one "
                "tenant would buy everything twice. Remove one of them; an account can be renamed at any time."
            )
        elif len(tenants) > 1 and not _GUID.fullmatch(tenant):
            yield (
                f"{setting} must be the tenant's GUID if several accounts are configured: azplan cannot tell whether "
                f"{tenant} is the tenant of another account."
            )


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]
"""More than 0: seconds with fractions, or ISO 8601 (PT5M)."""
Bytes = Annotated[int, BeforeValidator(_bytes)]
Text = Annotated[str, StringConstraints(min_length=1)]
Topic = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Port = Annotated[int, Field(ge=0, le=65535)]
TenantId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$")]
Servers = Annotated[str, BeforeValidator(_servers)]
Hosts = Annotated[str, BeforeValidator(_hosts)]
"""Names of hosts with commas, in lower case. A name that begins with a dot stands for all names that end so."""
SecureUrl = Annotated[str, AfterValidator(_secure_url)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
ProxyUrl = Annotated[SecretStr, AfterValidator(_proxy_url), ShownAs(_without_account)]
JournalUrl = Annotated[SecretStr, AfterValidator(_journal_url), ShownAs(shown)]
AnyCaseToLower = BeforeValidator(lambda value: _folded(value, upper=False))
AnyCaseToUpper = BeforeValidator(lambda value: _folded(value, upper=True))
PartnerNames = BeforeValidator(_partner_names)
