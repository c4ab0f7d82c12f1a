"""The journal's URL: which URLs are valid, and how a URL is shown to people."""

import re
from collections.abc import Iterator, Sequence

from worker.redaction import MASK, redact

_WORD = r"(?:[^\s:/?#\[\]@%]|%[0-9A-Fa-f]{2})"
_HIDDEN = r"(?:[^\s/?#\[\]@%]|%[0-9A-Fa-f]{2})"
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+|(?:%2[Ff][A-Za-z0-9._-]+)+)(?::[0-9]{1,5})?"
_POSTGRES = re.compile(
    rf"postgresql://(?:(?P<user>{_WORD}*)(?P<password>:{_HIDDEN}*)?@)?(?P<hosts>(?:{_HOST}(?:,{_HOST})*)?)"
    rf"/(?P<database>{_WORD}*)(?:\?(?P<options>[a-z_]+=[^\s#@&]*(?:&[a-z_]+=[^\s#@&]*)*))?"
)
_SQLITE = "sqlite:///"

ENCODING = (
    "holds a character that needs percent-encoding. In the user's name and the password write / as %2F, ? as %3F, "
    "# as %23, [ as %5B, ] as %5D, @ as %40, % as %25, : as %3A and a space as %20; or leave the password out of the "
    "URL and set AZPLAN_JOURNAL__PASSWORD to it, without encoding"
)


def judged(text: str) -> str:
    """`text`, if it is a valid URL. Raises ValueError with a sentence that quotes nothing of the URL."""
    scheme, divider, rest = text.partition("://")
    if scheme == "sqlite" and divider:
        if not rest.startswith("/") or rest in ("/", "//", "/:memory:"):
            raise ValueError("must name a file: sqlite:///azplan.db or sqlite:////absolute/path.db")
        return text
    if scheme == "postgres":
        raise ValueError("must begin with postgresql:// (postgres:// is not understood)")
    if scheme != "postgresql" or not divider:
        raise ValueError("must be sqlite:///azplan.db or postgresql://user:password@host/database")
    found = _POSTGRES.fullmatch(text)
    if found is None and "/" not in rest:
        raise ValueError("must name a database: postgresql://user:password@host/database")
    if found is None:
        raise ValueError(ENCODING)
    if not found["database"]:
        raise ValueError("must name a database: postgresql://user:password@host/database")
    return text


def has_password(text: str) -> bool:
    """Whether a valid URL holds a password."""
    found = _POSTGRES.fullmatch(text)
    return found is not None and (
        bool(found["password"]) or any(part.startswith("password=") for part in (found["options"] or "").split("&"))
    )


def unused(text: str, given: Sequence[str]) -> Iterator[str]:
    """A sentence for each given setting of PostgreSQL that would not be used together with this URL."""
    for name in given:
        if not is_postgres(text):
            yield f"AZPLAN_JOURNAL__{name} would not be used: AZPLAN_JOURNAL__URL names no PostgreSQL database."
        elif name == "PASSWORD" and has_password(text):
            yield f"AZPLAN_JOURNAL__{name} would not be used: AZPLAN_JOURNAL__URL has a password. Remove one."


def is_postgres(text: str) -> bool:
    """Whether the URL names a PostgreSQL database."""
    return text.startswith("postgresql:")


def shown(text: str) -> str:
    """The URL with its password masked. An invalid URL is masked whole: the password could be anywhere in it."""
    if text.startswith(_SQLITE):
        return text
    found = _POSTGRES.fullmatch(text)
    if found is None:
        return f"{'postgresql://' if is_postgres(text) else ''}{MASK}"
    user = f"{found['user']}{f':{MASK}' if found['password'] else ''}@" if found["user"] or found["password"] else ""
    options = f"?{redact(found['options'])}" if found["options"] else ""
    return f"postgresql://{user}{found['hosts']}/{found['database']}{options}"
