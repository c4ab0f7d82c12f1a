"""The worker's log: one line a fact, JSON or for a terminal, without secrets; libraries log the same way.

Modules use `structlog.get_logger("azplan.<part>")`. Every line of a task carries the context variables that the task
has bound. Importing this module configures nothing; `configure` is called once, at start.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TextIO

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from events.wire.text import visible
from worker.redaction import Redactor

OURS: Final = ("azplan", "worker", "ops")
"""Loggers with the configured level. Loggers of libraries write from WARNING on."""

# Messages that a library logs as errors and that are none: written at DEBUG only.
_HARMLESS: Final = re.compile(
    # In a new cluster, the first member of the first group waits a moment for the topic of offsets.
    r"Group Coordinator Request failed: \[Error 15\]"
    # A member joined or left the group.
    r"|Heartbeat failed for group .* because it is rebalancing"
    # The broker port raises an error of its own, once, with the reason.
    r"|Unable connect to "
)
# A client that cannot reach its server logs that ten times a second. The first line is written, then one now and then.
_SELDOM_SECONDS: Final = 30.0
_MOST_REMEMBERED: Final = 200
_FIRST: Final = ("timestamp", "level", "event", "logger")


def configure(
    level: str,
    style: str,
    *,
    stream: TextIO | None = None,
    count: Callable[[str], None] | None = None,
    secrets: Iterable[str] = (),
) -> None:
    """Log to `stream` (default: standard error) from now on.

    `level` is debug, info, warning or error; `style` is json, console, or auto: console on a terminal. `count` is
    called with the level of every line. `secrets` are masked wherever they occur, as is text that looks like a secret.
    """
    target = sys.stderr if stream is None else stream
    number = logging.getLevelNamesMapping()[level.upper()]
    shared = _shared(Redactor(secrets), count)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    console = style == "console" or (style == "auto" and target.isatty())
    _install(_Handler(target, _renderer(target, console=console), shared, debug=number <= logging.DEBUG), number)


class _Handler(logging.StreamHandler[TextIO]):
    def __init__(self, stream: TextIO, renderer: Processor, shared: list[Processor], *, debug: bool) -> None:
        super().__init__(stream)
        self._debug = debug
        self._said: dict[tuple[str, str], _Repeated] = {}
        drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
        self.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[drop, renderer]))

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith(OURS) or record.exc_info:
            return True
        if _HARMLESS.match(record.getMessage()) or self._repeats(record):
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
            return self._debug
        return True

    def _repeats(self, record: logging.LogRecord) -> bool:
        """Whether a library logged such a line a moment ago. The next line that is written says how many were not."""
        key = (record.name, str(record.msg))
        last = self._said.get(key)
        if last is not None and 0 <= record.created - last.at < _SELDOM_SECONDS:
            last.times += 1
            return True
        if last is not None and last.times:
            record.msg = f"{record.getMessage()} (and {last.times} times like it in {record.created - last.at:.0f} s)"
            record.args = None
        if len(self._said) >= _MOST_REMEMBERED:
            self._said.clear()
        self._said[key] = _Repeated(record.created)
        return False


@dataclass(slots=True)
class _Repeated:
    at: float
    times: int = 0


def _install(handler: _Handler, number: int) -> None:
    root = logging.getLogger()
    for former in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(max(number, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(number)


def _shared(redactor: Redactor, count: Callable[[str], None] | None) -> list[Processor]:
    def counted(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        if count is not None:
            count(event["level"])
        return event

    def redacted(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        # Keys that begin with an underscore belong to structlog and are never written.
        return {key: value if key.startswith("_") else redactor.member(key, value) for key, value in event.items()}

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        _traced,
        structlog.processors.StackInfoRenderer(),
        # Before the redaction, because the text of an exception may hold a secret.
        structlog.processors.format_exc_info,
        redacted,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        counted,
    ]


def _traced(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
        event["span_id"] = trace.format_span_id(span.span_id)
    return event


def _renderer(stream: TextIO, *, console: bool) -> Processor:
    if not console:
        as_json = structlog.processors.JSONRenderer()
        return lambda logger, name, event: as_json(logger, name, _in_order(event))
    colours = stream.isatty() and not os.environ.get("NO_COLOR")
    to_read = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)
    return lambda logger, name, event: to_read(logger, name, _visible(event))


def _visible(event: EventDict) -> EventDict:
    """The line with visible control characters: text from outside must not control a terminal. JSON escapes them."""
    return {
        key: "\n".join(map(visible, value.split("\n"))) if isinstance(value, str) else value
        for key, value in event.items()
    }


def _in_order(event: Mapping[str, object]) -> dict[str, object]:
    first = {key: event[key] for key in _FIRST if key in event}
    return first | {key: value for key, value in event.items() if key not in first}
