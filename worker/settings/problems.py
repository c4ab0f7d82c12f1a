"""Sentences about wrong settings: which setting, where it is set, what is wrong, what to write instead."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic_core import ErrorDetails

from worker.settings.sources import PREFIX, Found, SettingPath, variable

ANY_NAME = "<NAME>"
"""Stands in a path for the name of a partner account."""


def split_unknown(found: Sequence[Found], known: Iterable[SettingPath]) -> tuple[list[Found], list[str]]:
    """The known settings of `found`, and a sentence for each unknown one."""
    paths = list(known)
    ours, problems = [], []
    for setting in found:
        fitting = [_named_as(path, setting.path) for path in paths]
        if setting.path in fitting:
            ours.append(setting)
        else:
            problems.append(_unknown(setting, fitting))
    return ours, problems


def sentences(errors: Iterable[ErrorDetails], found: Sequence[Found]) -> list[str]:
    """One sentence for each error of pydantic, with the place of the wrong value."""
    places = {setting.path: setting.origin for setting in found}
    return [sentence for error in errors for sentence in _sentences(error, places)]


def _sentences(error: ErrorDetails, places: Mapping[SettingPath, str]) -> Iterator[str]:
    path = tuple(str(step) for step in error["loc"])
    name = variable(path) if path else ""
    if error["type"] == "missing":
        yield f"{name} is missing."
        return
    message = error["msg"].removeprefix("Value error, ")
    if message.endswith("."):
        # The error is about values that do not fit together: each of its lines is a whole sentence already.
        yield from message.split("\n")
        return
    if error["type"] == "string_pattern_mismatch":
        message = "has characters or a form that are not allowed"
    rest = message.replace("Input should be", "must be").replace("datetime.timedelta(0)", "0 seconds")
    place = f" (from {places[path]})" if path in places else ""
    yield f"{name}{place} {rest}."


def _named_as(path: SettingPath, given: SettingPath) -> SettingPath:
    # The second step is an account's name only if the section is `partners`, or nearly so.
    if ANY_NAME not in path or len(given) < 2 or not difflib.get_close_matches(given[0], [path[0]]):
        return path
    return (path[0], given[1], *path[2:])


def _unknown(setting: Found, known: Sequence[SettingPath]) -> str:
    names = [variable(path) for path in known]
    close = difflib.get_close_matches(setting.name, names, n=1, cutoff=0.75)
    same_section = [variable(path) for path in known if path[0] == setting.path[0]]
    if close:
        hint = f"Did you mean {close[0]}?"
    elif same_section:
        hint = f"Settings of that section: {', '.join(same_section)}."
    else:
        hint = f"`azplan config show` lists all settings. Other variables with {PREFIX} need a single underscore."
    return f"{setting.name} (from {setting.origin}) is not a setting. {hint}"
