"""Where log lines go: for a worker as the settings say; for any other verb nowhere, unless all is to be seen."""

import io
import os
import sys
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from worker import logs, metrics, trace_export
from worker.settings.model import Settings, SettingsError
from worker.settings.reference import effective

_LEVEL: Final = "AZPLAN_LOG__LEVEL"


class _Nowhere(io.StringIO):
    """Takes everything and keeps nothing: a verb says in its own words what went wrong."""

    def write(self, text: str, /) -> int:
        return len(text)


def configure_for_verb(*, debug: bool) -> None:
    """With `debug`, every line to standard error; else none."""
    if debug:
        logs.configure("debug", "console", stream=sys.stderr)
    else:
        logs.configure("error", "console", stream=_Nowhere())


def configure_for_worker(settings: Settings) -> None:
    """As the settings say; every secret in them is masked wherever it occurs."""
    logs.configure(
        settings.log.level,
        settings.log.format,
        count=lambda level: metrics.LOG_MESSAGES.labels(level).inc(),
        secrets=[*_secrets(settings), *trace_export.secrets(os.environ)],
    )


def debugging() -> bool:
    """Whether the settings ask for everything to be said; also where they cannot be used otherwise."""
    try:
        return any(each.name == _LEVEL and each.value.lower() == "debug" for each in effective())
    except SettingsError:
        return False


def _secrets(section: BaseModel) -> Iterator[str]:
    """Every secret in these settings, and the password within the journal's URL."""
    for _, value in section:
        yield from _within(value)


def _within(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from _secrets(value)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _within(each)
    elif isinstance(value, SecretStr):
        secret = value.get_secret_value()
        yield secret
        password = urlsplit(secret).password if "://" in secret else None
        if password:
            yield from (password, unquote(password))
