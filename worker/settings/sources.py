"""Sources of settings: the environment, files in the folder of secrets, `azplan.toml`. The first with a value wins.

Each source yields paths such as ("kafka", "group_id") with the text that was found and the name of its place. Case does
not matter in names. The name of a secret's file may also have `--` for `__` and `-` for `_`, because Azure Key Vault
allows no underscore. This module does not know which settings exist.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

PREFIX = "AZPLAN_"
DIVIDER = "__"
SECRETS_FOLDER = "AZPLAN_SECRETS_DIR"
CONFIGURATION_FILE = "AZPLAN_CONFIG_FILE"
PLACES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        CONFIGURATION_FILE: ("azplan.toml", "file with settings; must exist if this variable is set"),
        SECRETS_FOLDER: (
            "/run/secrets",
            "folder with a file for each secret, named like its setting, also with `--` for `__` and `-` for `_`"
            " (Azure Key Vault); must exist if this variable is set",
        ),
    }
)
"""The variables that name the places of settings, with default and meaning."""

SettingPath = tuple[str, ...]


class UnreadableSource(Exception):
    """A place of settings cannot be read. The message says which settings, where and why."""


@dataclass(frozen=True, slots=True)
class Found:
    """One setting as found in one place."""

    path: SettingPath
    value: Any
    origin: str
    """The place, as a person would name it: `the environment`, `/run/secrets/…`, `azplan.toml`."""
    written: str = ""
    """The setting's name as written there, with the place."""
    hyphens: bool = False
    """Whether the name has hyphens for underscores. Then hyphens in an account's name are ambiguous."""

    @property
    def name(self) -> str:
        """The setting's name as an environment variable: the name that people know."""
        return variable(self.path)


def variable(path: SettingPath) -> str:
    """The environment variable of a setting: ("kafka", "group_id") is AZPLAN_KAFKA__GROUP_ID."""
    return PREFIX + DIVIDER.join(path).upper()


def find_all() -> list[Found]:
    """Every setting that has a value in some place, with the value that counts.

    An empty text counts as no value: compose files and shells often leave one. Raises UnreadableSource.
    """
    environment, secrets, file = (_given(source) for source in (_environment(), _secrets(), _file()))
    accounts = {each.path[1] for each in (*environment, *secrets, *file) if _of_account(each) and not each.hyphens}
    found: dict[SettingPath, Found] = {}
    for source in (environment, [_of_known_account(each, accounts) for each in secrets], file):
        for setting in _once(source):
            found.setdefault(setting.path, setting)
    return list(found.values())


def place(variable: str) -> tuple[str, str]:
    """The place of settings that `variable` names, and where the variable is set."""
    asked = os.environ.get(variable)
    return (asked, "the environment") if asked else (PLACES[variable][0], "default")


def value_now(path: SettingPath) -> str | None:
    """The value of a setting now: a file may have changed since the start. None if it cannot be read."""
    try:
        return next((str(found.value).strip() for found in find_all() if found.path == path), None)
    except (UnreadableSource, OSError):
        return None


def nested(found: list[Found]) -> dict[str, Any]:
    """`found` as nested dictionaries. If a path is both a value and a section, the section wins."""
    tree: dict[str, Any] = {}
    for setting in sorted(found, key=lambda each: len(each.path)):
        branch = tree
        for step in setting.path[:-1]:
            if not isinstance(branch.get(step), dict):
                branch[step] = {}
            branch = branch[step]
        branch[setting.path[-1]] = setting.value
    return tree


def _given(source: Iterable[Found]) -> list[Found]:
    return [setting for setting in source if setting.value not in ("", None)]


def _once(source: Iterable[Found]) -> Iterable[Found]:
    """The settings of a source. Raises UnreadableSource if two names of one setting have different values."""
    found: dict[SettingPath, Found] = {}
    for setting in source:
        first = found.setdefault(setting.path, setting)
        if first.value != setting.value:
            both = f"{first.written} and {setting.written}"
            raise UnreadableSource(
                f"{both} are two names of {setting.name}, and their contents differ. Keep one of them."
            )
    return found.values()


def _of_account(setting: Found) -> bool:
    return setting.path[0] == "partners" and len(setting.path) == 3


def _of_known_account(setting: Found, accounts: Iterable[str]) -> Found:
    """`setting` with the account's real name, if another place of settings writes that name with hyphens."""
    if not setting.hyphens or not _of_account(setting):
        return setting
    section, name, key = setting.path
    meant = sorted(account for account in accounts if account.replace("-", "_") == name)
    if len(meant) > 1:
        either = " or ".join(meant)
        raise UnreadableSource(f"{setting.written} may belong to the account {either}. Use underscores in its name.")
    return replace(setting, path=(section, meant[0] if meant else name, key))


def _environment() -> Iterator[Found]:
    for name, value in os.environ.items():
        if path := _path(name):
            yield Found(path, value, "the environment", f"{name} in the environment")


def _secrets() -> Iterator[Found]:
    # The default folder may be absent, and may hold other files.
    asked = os.environ.get(SECRETS_FOLDER)
    folder = Path(place(SECRETS_FOLDER)[0])
    try:
        files = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        if asked:
            raise UnreadableSource(f"{SECRETS_FOLDER} is {folder}, which is not a folder.") from None
        return
    except OSError as error:
        advice = f"Let this user read it, or set {SECRETS_FOLDER} to another folder"
        raise UnreadableSource(f"{folder} cannot be read: {error.strerror}. {advice}.") from error
    for file in files:
        path = _path(file.name)
        hyphens = path is None and "-" in file.name
        if hyphens:
            path = _path(file.name.replace("-", "_"))
        if path and _is_file(file):
            yield Found(path, _text(file).rstrip("\r\n"), str(file), str(file), hyphens)


def _file() -> Iterator[Found]:
    asked = os.environ.get(CONFIGURATION_FILE)
    file = Path(place(CONFIGURATION_FILE)[0])
    try:
        there = _is_file(file)
    except UnreadableSource:
        if asked:
            raise
        return  # the working directory cannot be read, and nobody asked for a file in it
    if not there:
        if asked:
            raise UnreadableSource(f"{CONFIGURATION_FILE} is {file}, which is not a file.")
        return
    try:
        tree = tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError as error:
        raise UnreadableSource(f"{file} is not valid TOML: {error}.") from error
    yield from _leaves(tree, (), str(file))


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError as error:
        raise UnreadableSource(f"{file} cannot be read: {error.strerror}.") from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UnreadableSource(f"{file} cannot be read: {reason}.") from error


def _path(name: str) -> SettingPath | None:
    # A name without two underscores belongs to somebody else.
    if not name.upper().startswith(PREFIX) or DIVIDER not in name[len(PREFIX) :]:
        return None
    return tuple(name[len(PREFIX) :].lower().split(DIVIDER))


def _leaves(tree: Mapping[str, Any], above: SettingPath, origin: str) -> Iterator[Found]:
    for key, value in tree.items():
        path = (*above, key.lower())
        if isinstance(value, Mapping):
            yield from _leaves(value, path, origin)
        else:
            yield Found(path, value, origin, f"{'.'.join(path)} in {origin}")
