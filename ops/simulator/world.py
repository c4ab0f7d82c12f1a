"""One simulated world: partners and customers, the books, and the queue of future changes."""

import heapq
import itertools
import random
import uuid
from collections import deque
from collections.abc import Callable

from ops.simulator.behaviour import Range, Settings
from ops.simulator.billing.ledger import Ledger
from ops.simulator.books import Effect, Received, request_log
from ops.simulator.clock import Clock
from ops.simulator.state import Customer, Partner


class World:
    """All state of one simulator, and the queue of future changes."""

    def __init__(self, clock: Clock, settings: Settings, seed: int) -> None:
        self.clock = clock
        self.settings = settings
        self.rng = random.Random(seed)  # noqa: S311 - repeatable by seed, guards nothing
        self.noise = random.Random(seed)  # noqa: S311 - kept apart, oddities change no lag and no id
        self.partners: dict[str, Partner] = {}
        self.customers: dict[str, Customer] = {}
        self.effects: list[Effect] = []
        self.requests: deque[Received] = request_log()
        self.received = 0
        self.warnings: list[str] = []
        self.catalog_edition = 0
        self.ledger = Ledger()
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count(1)
        self._at: float | None = None

    def clear(self) -> None:
        """Forget customers, books and future changes; partners, settings and time stay."""
        self.customers.clear()
        self.effects.clear()
        self.requests.clear()
        self.warnings.clear()
        self.ledger.clear()
        self.received = 0
        self._queue.clear()

    @property
    def now(self) -> float:
        """The present instant of the world: in the past while overdue changes are carried out."""
        return self.clock.time() if self._at is None else self._at

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Carry out a change after so many seconds; now if that is zero."""
        if seconds <= 0:
            action()
        else:
            heapq.heappush(self._queue, (self.now + seconds, next(self._numbers), action))

    def settle(self) -> None:
        """Carry out every change that is due, in order and each at its own time."""
        if self._at is not None:
            return
        present = self.clock.time()
        try:
            while self._queue and self._queue[0][0] <= present:
                self._at, _, action = heapq.heappop(self._queue)
                action()
        finally:
            self._at = None

    def lag(self, lag: Range) -> float:
        """Draw a documented lag and scale it."""
        return self.clock.lag(self.rng.uniform(*lag))

    def new_id(self) -> str:
        """Return a fresh GUID, repeatable by seed."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def new_order_id(self) -> str:
        """Return a fresh order id: twelve hexadecimal digits."""
        return f"{self.rng.getrandbits(48):012x}"

    def settings_for(self, customer: Customer) -> Settings:
        """Return the settings with this customer's overrides."""
        return self.settings.for_one(customer.overrides) if customer.overrides else self.settings

    def warn(self, sentence: str) -> None:
        """Note an act that a careful client avoids."""
        self.warnings.append(sentence)
