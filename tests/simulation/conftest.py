"""Nothing is logged while the stories run."""

from collections.abc import Iterator

import pytest

from tests.support.quiet import quiet


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield
