"""Where log lines go: for a worker as the settings say; for any other verb nowhere, unless the log level is debug."""

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
    """Drops every line: a verb says in its own words what went wrong."""

    def write(self, text: str, /) -> int:
        return len(text)


def configure_for_verb(*, debug: bool) -> None:
    """With `debug`, write every line to standard error; else write none."""
    if debug:
        logs.configure("debug", "console", stream=sys.stderr)
    else:
        logs.configure("error", "console", stream=_Nowhere())


def configure_for_worker(settings: Settings) -> None:
    """Write log lines as the settings say. Every secret of the settings is masked in them."""
    logs.configure(
        settings.log.level,
        settings.log.format,
        count=lambda level: metrics.LOG_MESSAGES.labels(level).inc(),
        secrets=[*_secrets(settings), *trace_export.secrets(os.environ)],
    )


def debugging() -> bool:
    """Whether the log level is debug, also if other settings are wrong."""
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
