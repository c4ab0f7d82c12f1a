"""Nothing is logged while workers die by the hundred."""

from collections.abc import Iterator

import pytest

from tests.crash.enumeration import REST
from tests.support.quiet import quiet


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet(seldom=REST / 2):
        yield
