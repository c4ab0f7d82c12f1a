"""Where settings come from: the environment, files of secrets, and `azplan.toml`, the first one that has a value wins.

Each source yields paths such as ("kafka", "group_id") with the text that was found and the name of its place. Names are
compared ignoring case. What a setting may be is not known here.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = "AZPLAN_"
DIVIDER = "__"
SECRETS_FOLDER = "AZPLAN_SECRETS_DIR"
CONFIGURATION_FILE = "AZPLAN_CONFIG_FILE"

SettingPath = tuple[str, ...]


class UnreadableSource(Exception):
    """A file with settings cannot be read. The message says which and why."""


@dataclass(frozen=True, slots=True)
class Found:
    """One setting as somebody wrote it."""

    path: SettingPath
    value: Any
    origin: str
    """The place, as a person would name it: `the environment`, `/run/secrets/…`, `azplan.toml`."""

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
    found: dict[SettingPath, Found] = {}
    for source in (_environment(), _secrets(), _file()):
        for setting in source:
            if setting.value not in ("", None):
                found.setdefault(setting.path, setting)
    return list(found.values())


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


def _environment() -> Iterator[Found]:
    for name, value in os.environ.items():
        if path := _path(name):
            yield Found(path, value, "the environment")


def _secrets() -> Iterator[Found]:
    # A folder that was not asked for may be absent, and may hold files of others.
    asked = os.environ.get(SECRETS_FOLDER)
    folder = Path(asked or "/run/secrets")
    if not folder.is_dir():
        if asked:
            raise UnreadableSource(f"{SECRETS_FOLDER} is {folder}, which is not a folder.")
        return
    for file in sorted(folder.iterdir()):
        if (path := _path(file.name)) and file.is_file():
            yield Found(path, _text(file).rstrip("\r\n"), str(file))


def _file() -> Iterator[Found]:
    asked = os.environ.get(CONFIGURATION_FILE)
    file = Path(asked or "azplan.toml")
    if not file.is_file():
        if asked:
            raise UnreadableSource(f"{CONFIGURATION_FILE} is {file}, which is not a file.")
        return
    try:
        tree = tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError as error:
        raise UnreadableSource(f"{file} is not valid TOML: {error}.") from error
    yield from _leaves(tree, (), str(file))


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
            yield Found(path, value, origin)
