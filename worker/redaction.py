"""Masks secrets in text before anybody sees the text: known secrets, and text that looks like a secret."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

MASK = "********"

# A value is secret if its name ends so: in `name=value`, `name: value`, `"name": "value"`, and as a key.
_NAMED = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|assertion|token|credentials?|(?:private|api|access|account)_?key|"
    r"authorization|cookie)"
)
_VALUE = r"(?:\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z)|[^\s,;&\"'})\]]+)"
_SECRET_KEY = re.compile(rf".*{_NAMED}", re.IGNORECASE | re.DOTALL)

# No text makes matching slow: each quantifier before a decisive character has a bound, or cannot begin twice in a run.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # -----BEGIN PRIVATE KEY----- and other private keys
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    # Microsoft's refresh tokens: 0.A…, 1.A…, M.C5…; opaque and long
    (re.compile(r"\b(?:[01]\.A[A-Za-z0-9_-]|M\.[A-Z][A-Za-z0-9]{2,}_)[A-Za-z0-9_.!*$-]{20,}"), MASK),
    # Authorization headers
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{16,}", re.IGNORECASE), rf"\1 {MASK}"),
    # The password of a connection URL, up to the last @, even if its characters are not encoded
    (re.compile(r"(://[^\s/:@]{0,200}):[^\s\"'<>]{1,500}@"), rf"\1:{MASK}@"),
    # Shared access keys of Azure Event Hubs connection strings
    (re.compile(r"(SharedAccess(?:Key|Signature)\s*=\s*)[^;\s\"']+", re.IGNORECASE), rf"\1{MASK}"),
    # The signature of an address at Azure Storage
    (re.compile(r"([?&]sig=)[^\s&\"'<>]+", re.IGNORECASE), rf"\1{MASK}"),
    # name=value, name: value, "name": "value", name='value'
    (re.compile(rf"({_NAMED}[\"']?\s{{0,9}}[=:]\s{{0,9}}){_VALUE}", re.IGNORECASE), rf"\1{MASK}"),
)

# Each of these shapes, and a web token, has another character: ids and words, most of what is logged, need no search.
_PLAIN = re.compile(r"[\w-]*")

# JSON Web Tokens: access tokens, id tokens, assertions. A token may begin anywhere in a run of these characters.
_DOTTED = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]*+)++")
_WEB_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{5}")


def _without_web_token(run: re.Match[str]) -> str:
    """The run up to the beginning of a token, which is `eyJ` in a part with another part behind it."""
    text, begin = run[0], 0
    while (dot := text.find(".", begin)) >= 0:
        token = _WEB_TOKEN.search(text, begin, dot)
        if token is not None and text[dot + 1 : dot + 2] not in ("", "."):
            return text[: token.start()] + MASK
        begin = dot + 1
    return text


class Redactor:
    """Masks all text that looks like a secret, and every secret that it is given, wherever these occur."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Longest first: a secret inside a longer one must not leave the rest of the longer one. Very short secrets
        # would mask half of every text and protect nobody.
        known = sorted({secret for secret in secrets if len(secret) >= 6}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if _PLAIN.fullmatch(text):
            return text
        if "eyJ" in text:
            text = _DOTTED.sub(_without_web_token, text)
        for pattern, replacement in _SHAPES:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: Any) -> Any:
        """The value of a log line without secrets: containers are searched, unknown objects become text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {str(key): self.member(str(key), each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(each) for each in value]
        if isinstance(value, bytes):
            return self.text(value.decode(errors="backslashreplace"))
        return self.text(str(value))

    def member(self, key: str, value: Any) -> Any:
        """The value of a name without secrets: masked whole if the name says that it is a secret."""
        if is_secret_name(key) and value is not None and not isinstance(value, bool | int | float):
            return MASK
        return self.value(value)


@lru_cache(maxsize=256)
def is_secret_name(name: str) -> bool:
    """Whether the value of this name is a secret."""
    return bool(_SECRET_KEY.fullmatch(name))


def redact(text: str) -> str:
    """The text without anything that looks like a secret."""
    return _BY_SHAPE.text(text)


_BY_SHAPE = Redactor()
