"""Log lines: their form, their context, and the secrets that they never hold."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider

from tests.worker.test_redaction import CONNECTION, JWT, REFRESH
from worker import logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    # Logging is global. The configuration of a test ends with the test.
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logs.OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines as objects."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def configured(level: str = "info", **more: Any) -> io.StringIO:
    """Log as JSON into a stream."""
    stream = io.StringIO()
    logs.configure(level, "json", stream=stream, **more)
    return stream


def test_a_line_is_json_with_time_level_event_and_logger_first() -> None:
    """Each line is one object. The time is in UTC; facts follow."""
    stream = configured()
    structlog.get_logger("azplan.dispatch").info("command.concluded", duration_ms=12, outcome="succeeded")
    (line,) = lines(stream)
    assert list(line)[:4] == ["timestamp", "level", "event", "logger"]
    assert line["timestamp"].endswith("Z")
    assert (line["level"], line["event"], line["logger"]) == ("info", "command.concluded", "azplan.dispatch")
    assert (line["duration_ms"], line["outcome"]) == (12, "succeeded")


def test_bound_values_are_on_every_line_of_libraries_too() -> None:
    """The command's id, customer, partner and correlation id are bound once."""
    stream = configured()
    with structlog.contextvars.bound_contextvars(command_id="c-1", customer_id="k-1", partner="contoso"):
        structlog.get_logger("azplan.x").info("one")
        logging.getLogger("httpx").warning("two %s", "words")
    structlog.get_logger("azplan.x").info("three")
    first, second, third = lines(stream)
    assert {first["command_id"], second["command_id"]} == {"c-1"}
    assert (second["event"], second["logger"], second["partner"]) == ("two words", "httpx", "contoso")
    assert "command_id" not in third


def test_the_level_is_that_of_azplan_and_libraries_log_from_warning_on() -> None:
    """The debug level of azplan does not turn on the debug lines of libraries."""
    stream = configured("debug")
    structlog.get_logger("azplan.x").debug("ours")
    for library in ("aiokafka", "httpx", "msal", "asyncpg", "asyncio", "urllib3"):
        logging.getLogger(library).info("chatter")
        logging.getLogger(library).warning("trouble")
    assert [line["event"] for line in lines(stream)] == ["ours"] + ["trouble"] * 6
    quiet = configured("error")
    structlog.get_logger("azplan.x").warning("not now")
    logging.getLogger("aiokafka").warning("not now")
    assert quiet.getvalue() == ""


def test_a_harmless_error_of_a_library_is_lowered() -> None:
    """The first member of a new cluster's first group is no cause for alarm. Other errors of the same logger are."""
    noise = ("Group Coordinator Request failed: %s", "[Error 15] GroupCoordinatorNotAvailableError")
    trouble = ("Group Coordinator Request failed: %s", "[Error 30] GroupAuthorizationFailedError")
    stream = configured()
    logging.getLogger("aiokafka.consumer.group_coordinator").error(*noise)
    logging.getLogger("aiokafka.consumer.group_coordinator").error(*trouble)
    assert [line["level"] for line in lines(stream)] == ["error"]
    loud = configured("debug")
    logging.getLogger("aiokafka.consumer.group_coordinator").error(*noise)
    assert [line["level"] for line in lines(loud)] == ["debug"]


def test_repeated_lines_of_a_library_are_logged_now_and_then_with_their_number() -> None:
    """A client that looks for its server ten times a second does not fill the log.

    Another trouble is logged at once.
    """
    stream = configured()

    def say(at: float, logger: str, text: str, *args: object, error: object = None) -> None:
        record = logging.LogRecord(logger, logging.ERROR, __file__, 1, text, args, error)  # type: ignore[arg-type]
        record.created = 1_000_000.0 + at
        logging.getLogger(logger).handle(record)

    for tenth in range(400):
        say(tenth / 10, "aiokafka", "Unable to update metadata from %s", [tenth % 2])
    say(40.0, "aiokafka", "another trouble")
    say(40.0, "aiokafka.consumer", "Unable to update metadata from %s", [0])
    for _ in range(2):
        say(40.0, "azplan.x", "ours")
        say(40.0, "asyncio", "Task exception was never retrieved", error=(ValueError, ValueError("x"), None))
    assert [line["event"] for line in lines(stream)] == [
        "Unable to update metadata from [0]",
        "Unable to update metadata from [0] (and 299 times like it in 30 s)",
        "another trouble",
        "Unable to update metadata from [0]",
        *["ours", "Task exception was never retrieved"] * 2,
    ]


def test_every_line_is_counted_by_its_level() -> None:
    """Lines of azplan and of libraries count. Lines that are not written do not."""
    seen: list[str] = []
    configured(count=seen.append)
    log = structlog.get_logger("azplan.x")
    log.info("a")
    log.debug("b")
    log.error("c")
    logging.getLogger("msal").warning("d")
    assert seen == ["info", "error", "warning"]


def test_no_planted_secret_reaches_a_line() -> None:
    """The secrets are in the event, in facts of any name, in an exception and its cause, and in a library's words."""
    canaries = ["canary-client-secret", "canary-sasl", "canary-opaque", "canary-database", JWT, REFRESH]
    stream = configured("debug", secrets=["canary-opaque"])
    log = structlog.get_logger("azplan.x")
    event = f"got {JWT}"
    log.info(event, answer={"refresh_token": REFRESH}, words="it is canary-opaque")
    log.info("settings", client_secret="canary-client-secret", sasl_password="canary-sasl", url=CONNECTION)
    log.info("bytes", body=b"client_secret=canary-client-secret", error=ValueError(f"Bearer {JWT}"))
    try:
        try:
            raise ValueError("postgresql://u:canary-database@h/d")
        except ValueError as error:
            raise RuntimeError(f"refresh_token={REFRESH}") from error
    except RuntimeError:
        log.exception("failed", stack_info=True)
        logging.getLogger("aiokafka").exception("password=%s", "canary-sasl")
    text = stream.getvalue()
    assert [canary for canary in [*canaries, "aGVsbG8gd29ybGQh"] if canary in text] == []
    assert text.count("********") >= 10
    assert "RuntimeError" in text


def test_a_terminal_is_written_for_people_and_anything_else_as_json() -> None:
    """`auto` looks at the stream. Both forms can be configured."""
    forms = {}
    for style, stream in (
        ("auto", Terminal()),
        ("auto", io.StringIO()),
        ("json", Terminal()),
        ("console", io.StringIO()),
    ):
        logs.configure("info", style, stream=stream)
        structlog.get_logger("azplan.x").info("hello", number=1)
        forms[style, stream.isatty()] = stream.getvalue().startswith("{")
    assert forms == {("auto", True): False, ("auto", False): True, ("json", True): True, ("console", False): False}


def test_a_traceback_on_the_console_is_redacted_too() -> None:
    """The form for people shows no local variables and no secrets."""
    stream = Terminal()
    logs.configure("info", "console", stream=stream)
    local_secret = "canary" + "-of-a-local-variable"
    try:
        raise ValueError(f"token={local_secret}")
    except ValueError:
        structlog.get_logger("azplan.x").exception("failed")
    assert "ValueError" in stream.getvalue()
    assert local_secret not in stream.getvalue()


def test_a_line_within_a_span_names_the_trace() -> None:
    """The ids of trace and span lead from the line to the trace."""
    stream = configured()
    with TracerProvider().get_tracer("test").start_as_current_span("work") as span:
        structlog.get_logger("azplan.x").info("inside")
    (line,) = lines(stream)
    assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert line["span_id"] == f"{span.get_span_context().span_id:016x}"


def test_configuring_again_replaces_and_does_not_add() -> None:
    """Each line is written once."""
    configured()
    stream = configured()
    logging.getLogger("msal").warning("once")
    assert len(lines(stream)) == 1


def test_a_line_with_values_that_are_no_json_is_written() -> None:
    """Odd keys, odd objects and lone surrogates do not end a line."""
    stream = configured()
    structlog.get_logger("azplan.x").info("odd", fact={1: object, "x": {2}}, text="\ud800")
    assert lines(stream)[0]["fact"]["x"] == [2]
