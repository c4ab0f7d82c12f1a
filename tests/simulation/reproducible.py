"""Random values of a worker, drawn from the seed instead: a seed tells the same story every time."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from unittest.mock import patch

from worker import gate


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Within this block identifiers follow from the seed."""
    rng = Random(f"identifiers of {seed}")

    def uuid4() -> uuid.UUID:
        return uuid.UUID(int=rng.getrandbits(128), version=4)

    with patch.object(uuid, "uuid4", uuid4), patch.object(gate, "uuid4", uuid4):
        yield
