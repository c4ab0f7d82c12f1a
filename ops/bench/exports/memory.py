"""The most memory that a process and its children have had, within a block."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psutil

from ops.bench.watching import looked_at

SAMPLE: Final = 0.5
"""Seconds between two looks: each walks through all processes of the machine, and must not slow what it measures."""


@dataclass(slots=True)
class Memory:
    """The most resident memory of a process and its children, sampled in a thread."""

    process: psutil.Process
    own: int = 0
    whole: int = 0

    def look(self) -> None:
        """Take one sample."""
        own = self.process.memory_info().rss
        children = 0
        for child in self.process.children(recursive=True):
            try:
                children += child.memory_full_info().uss  # a process that is just made shares the worker's pages
            except psutil.Error:
                continue
        self.own, self.whole = max(self.own, own), max(self.whole, own + children)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take samples within the block."""
        with looked_at(self.look, SAMPLE):
            yield
