"""What a setting may be: the types of single values, and the sentences that say what a wrong one should have been."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints, TypeAdapter, ValidationError

from worker.loopback import is_loopback
from worker.settings.journal_url import judged

_UNITS = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024**2, "kB": 1000, "MB": 1000**2}
_TIMEDELTA = TypeAdapter(timedelta)
_ENCODED = r"(?:[^\s:/?#@\[\]%]|%[0-9A-Fa-f]{2})*"
_ACCOUNT = re.compile(rf"{_ENCODED}(?::{_ENCODED})?")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PARTNER_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


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
    """A whole number of bytes; a unit stands behind it where wanted."""
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
        raise ValueError(f"{form} (a proxy that is asked for a tunnel by CONNECT)")
    account, _, place = rest.rstrip("/").rpartition("@")
    if not re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[^\s:/?#@\[\]]+):[0-9]{1,5}", place):
        raise ValueError(form)
    if account and not _ACCOUNT.fullmatch(account):
        raise ValueError(f"{form}; special characters of user and password are written percent-encoded (`@` is %40)")
    return SecretStr(f"http://{account}@{place}" if account else f"http://{place}")


def _partner_names(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    for name in value:
        if not _PARTNER_NAME.fullmatch(str(name).lower()):
            raise ValueError(f"has an entry {name!r}; a name is made of letters, digits, '_', '-' and '.'")
    return {str(name).lower(): entry for name, entry in value.items()}


def all_hold(sentences: Iterable[str]) -> None:
    """Raise one ValueError that lists every sentence about values that do not fit each other."""
    if found := list(sentences):
        raise ValueError("\n".join(found))


def one_account_each(tenants: Mapping[str, str]) -> Iterable[str]:
    """A sentence for each account whose tenant is another account's too, or may be: one tenant has one account."""
    first: dict[str, str] = {}
    for name, tenant in tenants.items():
        setting = f"AZPLAN_PARTNERS__{name.upper()}__TENANT_ID"
        other = first.setdefault(tenant.lower(), name)
        if other != name:
            yield (
                f"AZPLAN_PARTNERS__{other.upper()}__TENANT_ID and {setting} are the same tenant: two accounts of one "
                "tenant would buy everything twice. Leave one of them out; an account can be renamed at any time."
            )
        elif len(tenants) > 1 and not _GUID.fullmatch(tenant):
            yield (
                f"{setting} must be the tenant's GUID where several accounts are configured: whether {tenant} is the "
                "tenant of another account cannot be told."
            )


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]
"""Longer than nothing: seconds with fractions, or ISO 8601."""
Bytes = Annotated[int, BeforeValidator(_bytes)]
Text = Annotated[str, StringConstraints(min_length=1)]
Topic = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Port = Annotated[int, Field(ge=0, le=65535)]
Guid = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
TenantId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$")]
Servers = Annotated[str, BeforeValidator(_servers)]
SecureUrl = Annotated[str, AfterValidator(_secure_url)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
ProxyUrl = Annotated[SecretStr, AfterValidator(_proxy_url)]
JournalUrl = Annotated[SecretStr, AfterValidator(_journal_url)]
AnyCaseToLower = BeforeValidator(lambda value: _folded(value, upper=False))
AnyCaseToUpper = BeforeValidator(lambda value: _folded(value, upper=True))
PartnerNames = BeforeValidator(_partner_names)
