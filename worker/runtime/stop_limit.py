"""The end of a stop that is not over in time."""

import os
import signal
import threading

import structlog

from worker.runtime.service import STOP_SECONDS

log = structlog.get_logger("azplan.service")


def end_within(drain_timeout: float, number: signal.Signals) -> None:
    """End the process, which was asked to stop by this signal, so long from now and `STOP_SECONDS`, if it still runs.

    In a thread: what holds the stop up may hold up the event loop too, or the end of the interpreter.
    """
    seconds = drain_timeout + STOP_SECONDS
    last = threading.Timer(seconds, cut_short, (number, seconds))
    last.daemon = True
    last.start()


def cut_short(number: signal.Signals, seconds: float) -> None:
    """End the process: whoever asked for the stop will not wait any longer. As safe as the second signal."""
    log.warning("worker.killed", signal=number.name, why=f"the stop was not over after {seconds:g} s")
    os._exit(128 + number)
