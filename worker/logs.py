"""The worker's log: one line a fact, JSON or for a terminal, without secrets; libraries log the same way.

Modules take `structlog.get_logger("azplan.<part>")`; what they bind as context variables stands on every line of their
task. Nothing is configured at import; `configure` is called once, at start.
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
"""Loggers that have the configured level; those of libraries speak from WARNING on."""

# What a library calls an error and is none: said at DEBUG only.
_HARMLESS: Final = re.compile(
    # The first member of a new cluster's first group waits a moment for the topic of the offsets to be made.
    r"Group Coordinator Request failed: \[Error 15\]"
    # Somebody came or went.
    r"|Heartbeat failed for group .* because it is rebalancing"
    # The broker port says the same in its own error, once, with the reason.
    r"|Unable connect to "
)
# A client that cannot reach its server says so ten times a second: the first time is news, and a word now and then.
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

    `level` is debug, info, warning or error; `style` is json, console, or auto: console on a terminal. `count` is told
    the level of every line. `secrets` are masked wherever they occur, beside all that looks like a secret.
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
        """Whether a library said the like a moment ago; when it is said again, it is said how often it was."""
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
        # What begins with an underscore is structlog's own and never written.
        return {key: value if key.startswith("_") else redactor.member(key, value) for key, value in event.items()}

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _traced,
        structlog.processors.StackInfoRenderer(),
        # Before the redaction, because what an exception says may hold anything.
        structlog.processors.format_exc_info,
        redacted,
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
    """The line as a terminal may have it: no text from outside controls it. JSON lines have escapes instead."""
    return {
        key: "\n".join(map(visible, value.split("\n"))) if isinstance(value, str) else value
        for key, value in event.items()
    }


def _in_order(event: Mapping[str, object]) -> dict[str, object]:
    first = {key: event[key] for key in _FIRST if key in event}
    return first | {key: value for key, value in event.items() if key not in first}
