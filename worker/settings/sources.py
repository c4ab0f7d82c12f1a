"""Where settings come from: the environment, files of secrets, and `azplan.toml`, the first one that has a value wins.

Each source yields paths such as ("kafka", "group_id") with the text that was found and the name of its place. Names are
compared ignoring case; a file of a secret may also be named with `--` for `__` and `-` for `_`, since Azure Key Vault
has no underscore. What a setting may be is not known here.
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
        CONFIGURATION_FILE: ("azplan.toml", "file with settings; must be there where it is named"),
        SECRETS_FOLDER: (
            "/run/secrets",
            "folder with a file for each secret, named as its setting, also with `--` for `__` and `-` for `_` (Azure"
            " Key Vault); must be there where it is named",
        ),
    }
)
"""Variables that say where settings are: default and meaning."""

SettingPath = tuple[str, ...]


class UnreadableSource(Exception):
    """Settings cannot be read where they are written. The message says which, where and why."""


@dataclass(frozen=True, slots=True)
class Found:
    """One setting as somebody wrote it."""

    path: SettingPath
    value: Any
    origin: str
    """The place, as a person would name it: `the environment`, `/run/secrets/…`, `azplan.toml`."""
    written: str = ""
    """The name under which it stands there."""
    hyphens: bool = False
    """Whether the name has hyphens for underscores, so that an account's name may be meant either way."""

    @property
    def name(self) -> str:
        """The setting's name in the environment, which is the name that people know."""
        return variable(self.path)


def variable(path: SettingPath) -> str:
    """The environment variable of a setting: ("kafka", "group_id") is AZPLAN_KAFKA__GROUP_ID."""
    return PREFIX + DIVIDER.join(path).upper()


def find_all() -> list[Found]:
    """Every setting that is written somewhere; of the same setting in two places, the one that counts.

    Raises UnreadableSource. An empty text counts as not written, as compose files and shells often leave one.
    """
    environment, secrets, file = (_given(source) for source in (_environment(), _secrets(), _file()))
    accounts = {each.path[1] for each in (*environment, *secrets, *file) if _of_account(each) and not each.hyphens}
    found: dict[SettingPath, Found] = {}
    for source in (environment, [_of_known_account(each, accounts) for each in secrets], file):
        for setting in _once(source):
            found.setdefault(setting.path, setting)
    return list(found.values())


def place(variable: str) -> tuple[str, str]:
    """Where settings are looked for by this variable, and where that was said."""
    asked = os.environ.get(variable)
    return (asked, "the environment") if asked else (PLACES[variable][0], "default")


def value_now(path: SettingPath) -> str | None:
    """A setting as it is written now: a file may have changed since the start. None where it cannot be read."""
    try:
        return next((str(found.value).strip() for found in find_all() if found.path == path), None)
    except (UnreadableSource, OSError):
        return None


def nested(found: list[Found]) -> dict[str, Any]:
    """The same as sections of keys. A value where a section should be gives way to the section."""
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
    """Each setting of a source. Raises UnreadableSource where it stands there under two names and they do not agree."""
    found: dict[SettingPath, Found] = {}
    for setting in source:
        first = found.setdefault(setting.path, setting)
        if first.value != setting.value:
            both = f"{first.written} and {setting.written}"
            raise UnreadableSource(
                f"{both} are two names of {setting.name}, and their contents differ: keep one of them."
            )
    return found.values()


def _of_account(setting: Found) -> bool:
    return setting.path[0] == "partners" and len(setting.path) == 3


def _of_known_account(setting: Found, accounts: Iterable[str]) -> Found:
    """The same of the account that is meant, where its name elsewhere has the hyphens."""
    if not setting.hyphens or not _of_account(setting):
        return setting
    section, name, key = setting.path
    meant = sorted(account for account in accounts if account.replace("-", "_") == name)
    if len(meant) > 1:
        either = " or ".join(meant)
        raise UnreadableSource(f"{setting.written} may be of the account {either}: name it with underscores.")
    return replace(setting, path=(section, meant[0] if meant else name, key))


def _environment() -> Iterator[Found]:
    for name, value in os.environ.items():
        if path := _path(name):
            yield Found(path, value, "the environment", f"{name} in the environment")


def _secrets() -> Iterator[Found]:
    # A folder that was not asked for may be absent, and may hold files of others.
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
        return  # nobody may look into the folder that this process happens to be in, and nobody asked for a file there
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
    # Without two underscores the name is not ours to judge.
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
