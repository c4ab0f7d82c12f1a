"""For runs by the thousand: nothing is logged, and a waiting worker looks less often for what people ask for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import structlog

from worker.runtime.acts import Requests
from worker.runtime.brake import Brake

SELDOM = 5.0
"""Virtual seconds between two looks at what people ask for."""


@contextmanager
def quiet() -> Iterator[None]:
    """Within it, it is so."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with (
            patch.object(Requests.__init__, "__defaults__", (SELDOM,)),
            patch.object(Brake.__init__, "__defaults__", (SELDOM,)),
        ):
            yield
    finally:
        structlog.configure(**before)
