"""Nothing is logged while workers die by the hundred."""

from collections.abc import Iterator

import pytest

from tests.support.quiet import quiet


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield
