"""The settings as lists for people: all settings (the table in the documentation), and the settings of this process."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from worker.redaction import MASK, redact
from worker.settings.model import Settings, SettingsError, names
from worker.settings.partner import Partner
from worker.settings.problems import ANY_NAME
from worker.settings.section import Section
from worker.settings.sources import PLACES, Found, SettingPath, UnreadableSource, find_all, place, variable
from worker.settings.values import ShownAs


@dataclass(frozen=True, slots=True)
class Described:
    """One setting as the documentation shows it."""

    name: str
    default: str
    """The default as a person would write it. Empty if there is none."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting of this process (`azplan config show`)."""

    name: str
    value: str
    """The value, with secrets masked. Empty if the setting is not set."""
    origin: str
    """`default`, or the place where the value was found."""


def described() -> Iterator[Described]:
    """Every setting, in the order of the code. The variables that name the places of settings come first."""
    for name, (default, meaning) in PLACES.items():
        yield Described(name, default, meaning)
    for path in names():
        field = _field(path)
        yield Described(variable(path), _default(field), field.description or "")


def table() -> str:
    """The result of `described` as a table in Markdown."""
    rows = (f"| `{each.name}` | {each.default and f'`{each.default}`'} | {each.meaning} |" for each in described())
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def effective() -> list[Effective]:
    """Every setting with its value here and the place of the value, also if the settings do not fit together.

    Raises SettingsError if a file cannot be read.
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
        return Effective(variable(path), _default(field), "default")
    return Effective(variable(path), _form(field)(str(found[path].value)), found[path].origin)


def _named(path: SettingPath, accounts: list[str]) -> Iterator[SettingPath]:
    if ANY_NAME not in path:
        yield path
    else:
        yield from ((path[0], account, path[2]) for account in accounts)


def _field(path: SettingPath) -> FieldInfo:
    section: Any = Partner if path[0] == "partners" else Settings.model_fields[path[0]].annotation
    fields: dict[str, FieldInfo] = section.model_fields if issubclass(section, Section) else {}
    return fields[path[-1]]


def _form(field: FieldInfo) -> Callable[[str], str]:
    """The function that makes a value fit to be shown: of the type's `ShownAs`, else by whether the type is secret."""
    types = (field.annotation, *get_args(field.annotation))
    marks = (*field.metadata, *(mark for each in types for mark in getattr(each, "__metadata__", ())))
    form = next((mark.form for mark in marks if isinstance(mark, ShownAs)), None)
    if form is not None:
        return form
    return (lambda _: MASK) if SecretStr in types else redact


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, SecretStr):
        return redact(value.get_secret_value())
    if isinstance(value, timedelta):
        return f"P{value.days}D" if value == timedelta(days=value.days) else f"{value.total_seconds():g}"
    return str(value).lower() if isinstance(value, bool) else str(value)
