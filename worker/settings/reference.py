"""The settings as lists for people: what there is (docs/settings.md), and what counts here (`azplan config show`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from worker.redaction import MASK, redact
from worker.settings.journal_url import shown
from worker.settings.model import (
    Partner,
    Settings,
    SettingsError,
    names,
)
from worker.settings.problems import ANY_NAME
from worker.settings.sections import Section
from worker.settings.sources import (
    PLACES,
    Found,
    SettingPath,
    UnreadableSource,
    find_all,
    place,
    variable,
)


@dataclass(frozen=True, slots=True)
class Described:
    """One setting as the documentation has it."""

    name: str
    default: str
    """As one would write it; empty where there is none."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting as it counts in this process."""

    name: str
    value: str
    """Secrets are masked; empty where it is not set."""
    origin: str
    """`default`, or the place where the value was found."""


def described() -> Iterator[Described]:
    """Every setting, in the order of the code; before them what says where they are."""
    for name, (default, meaning) in PLACES.items():
        yield Described(name, default, meaning)
    for path in names():
        field = _field(path)
        yield Described(variable(path), _text(field.default, secret=_is_url(path)), field.description or "")


def table() -> str:
    """The same as a table in Markdown."""
    rows = (f"| `{each.name}` | {each.default and f'`{each.default}`'} | {each.meaning} |" for each in described())
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def effective() -> list[Effective]:
    """Every setting with its value here and where that came from, also of settings that do not fit each other.

    Raises SettingsError where a file cannot be read.
    """
    try:
        found = {setting.path: setting for setting in find_all()}
    except UnreadableSource as error:
        raise SettingsError([str(error)]) from error
    accounts = sorted({path[1] for path in found if path[0] == "partners" and len(path) == 3})
    places = [Effective(name, *place(name)) for name in PLACES]
    return [*places, *(_effective(path, found) for known in names() for path in _named(known, accounts))]


def _effective(path: SettingPath, found: dict[SettingPath, Found]) -> Effective:
    field = _field(path)
    if path not in found:
        return Effective(variable(path), _text(field.default, secret=True), "default")
    secret = SecretStr in (field.annotation, *get_args(field.annotation))
    if path[-1] == "proxy":
        return Effective(variable(path), _without_account(str(found[path].value)), found[path].origin)
    if _is_url(path):
        return Effective(variable(path), shown(str(found[path].value)), found[path].origin)
    value = redact(str(found[path].value)) if not secret else MASK
    return Effective(variable(path), value, found[path].origin)


def _named(path: SettingPath, accounts: list[str]) -> Iterator[SettingPath]:
    if ANY_NAME not in path:
        yield path
    else:
        yield from ((path[0], account, path[2]) for account in accounts)


def _field(path: SettingPath) -> FieldInfo:
    section: Any = Partner if path[0] == "partners" else Settings.model_fields[path[0]].annotation
    fields: dict[str, FieldInfo] = section.model_fields if issubclass(section, Section) else {}
    return fields[path[-1]]


def _is_url(path: SettingPath) -> bool:
    return path == ("journal", "url")


def _without_account(url: str) -> str:
    """A proxy's URL with what stands before its host masked, however wrongly it is written."""
    scheme, divider, rest = url.partition("://")
    account, at, host = (rest or scheme).rpartition("@")
    return f"{scheme if rest else ''}{divider}{MASK if account else ''}{at}{host}"


def _text(value: object, *, secret: bool) -> str:
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, SecretStr):
        return redact(value.get_secret_value()) if secret else MASK
    if isinstance(value, timedelta):
        return f"P{value.days}D" if value == timedelta(days=value.days) else f"{value.total_seconds():g}"
    return str(value).lower() if isinstance(value, bool) else str(value)
