"""For runs by the thousand: nothing is logged, and an idle worker looks less often.

Every call to a worker (a record that arrives, a command that ends, a turn that is due) still wakes it at once.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import structlog

from worker.runtime import consumer, publisher, scheduler
from worker.runtime.lifecycle import service
from worker.runtime.observability import gauges

SELDOM = 5.0
"""Virtual seconds between two polls of an idle topic, and between two looks at an unchanged outbox."""
HARDLY = 60.0
"""Virtual seconds between two updates of values that are only measured."""


@contextmanager
def quiet(seldom: float = SELDOM) -> Iterator[None]:
    """Within this block nothing is logged, and an idle worker looks every `seldom` virtual seconds."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with (
            patch.object(consumer, "POLL_SECONDS", seldom),
            patch.object(publisher, "PAUSE", seldom),
            patch.object(scheduler, "LONGEST_SLEEP", seldom),
            patch.object(gauges, "EVERY", HARDLY),
            patch.object(service, "SHOW_SECONDS", HARDLY),
        ):
            yield
    finally:
        structlog.configure(**before)


@contextmanager
def overheard() -> Iterator[list[dict[str, Any]]]:
    """The log lines within this block, as facts."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    try:
        with structlog.testing.capture_logs() as lines:
            yield lines
    finally:
        structlog.configure(**before)
