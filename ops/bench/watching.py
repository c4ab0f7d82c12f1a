"""Looks at something again and again while it is measured, in a thread of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def looked_at(look: Callable[[], None], every: float) -> Iterator[None]:
    """Call `look` every so many seconds within the block; it is not running any more when the block has ended."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(every):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
