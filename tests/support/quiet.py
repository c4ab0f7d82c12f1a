"""For runs by the thousand: nothing is logged, and a worker that waits for nothing in particular looks less often.

Whatever calls a worker (a record that arrives, a command that ends, a turn that is due) calls it as ever.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import structlog

from worker.runtime import consumer, publisher
from worker.runtime.lifecycle import service
from worker.runtime.observability import gauges

SELDOM = 5.0
"""Virtual seconds between two polls of a topic that brings nothing, and two looks at an outbox that got nothing new."""
HARDLY = 60.0
"""Virtual seconds between two looks at what is only measured."""


@contextmanager
def quiet() -> Iterator[None]:
    """Within it, it is so."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with (
            patch.object(consumer, "POLL_SECONDS", SELDOM),
            patch.object(publisher, "PAUSE", SELDOM),
            patch.object(gauges, "EVERY", HARDLY),
            patch.object(service, "SHOW_SECONDS", HARDLY),
        ):
            yield
    finally:
        structlog.configure(**before)


@contextmanager
def overheard() -> Iterator[list[dict[str, Any]]]:
    """What is logged within it, as facts."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    try:
        with structlog.testing.capture_logs() as lines:
            yield lines
    finally:
        structlog.configure(**before)
