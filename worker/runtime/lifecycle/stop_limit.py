"""The limit of a stop: ends the process when the stop is not over in time."""

import os
import signal
import threading

import structlog

from worker.runtime.lifecycle.service import STOP_SECONDS

log = structlog.get_logger("azplan.service")


def end_within(drain_timeout: float, number: signal.Signals) -> None:
    """End the process `drain_timeout` and `STOP_SECONDS` from now, if it still runs. `number` asked it to stop.

    A thread does that: what holds the stop up may hold up the event loop too, or the end of the interpreter.
    """
    seconds = drain_timeout + STOP_SECONDS
    last = threading.Timer(seconds, cut_short, (number, seconds))
    last.daemon = True
    last.start()


def cut_short(number: signal.Signals, seconds: float) -> None:
    """End the process now. This is as safe as the second signal."""
    log.warning("worker.killed", signal=number.name, why=f"the stop was not over after {seconds:g} s")
    os._exit(128 + number)
