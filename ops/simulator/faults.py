"""Faults as data: which requests they meet, and in what order they are used up."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Literal

from ops.simulator.behaviour import adapter
from ops.simulator.books import Received


class Kind(StrEnum):
    """Kinds of fault. "Acts" means that the request takes effect at Partner Center."""

    REFUSED = "refused"
    """The connection is refused: in process a connect error, over a socket a reset. Never acts."""
    RESET_BEFORE = "reset_before"
    """The connection drops, after ``seconds``. Never acts."""
    RESET_AFTER = "reset_after"
    """Acts at once; the connection drops, after ``seconds``: the answer is lost."""
    LATE = "late"
    """The connection drops at once; acts ``seconds`` later."""
    DELAY = "delay"
    """Acts after ``seconds``, whether or not the caller is still waiting, and answers then."""
    SLOW_ANSWER = "slow_answer"
    """Acts at once, answers after ``seconds``."""
    ERROR_BEFORE = "error_before"
    """Answers ``status`` and ``code`` and never acts."""
    ERROR_AFTER = "error_after"
    """Acts, and answers ``status`` and ``code`` all the same."""
    THROTTLE = "throttle"
    """The gateway's 429 with ``retry_after``. Never acts."""
    TRUNCATED = "truncated"
    """Acts; the connection drops in the middle of the body."""
    CUT_JSON = "cut_json"
    """Acts; a complete HTTP message with half of the JSON."""
    EMPTY = "empty"
    """Acts; ``status`` (200) without a body."""
    GARBAGE = "garbage"
    """Acts; ``status`` (200) with a page of HTML."""
    GATEWAY = "gateway"
    """Never acts; ``status`` (404) with a ``page`` of a gateway before the service."""
    FAULT_IN_200 = "fault_in_200"
    """Never acts; ``status`` (200) with a body of error shape A and ``code``."""


@dataclass
class Fault:
    """One fault. Every given condition must hold. Seconds are real, not scaled."""

    kind: Kind
    operation: str = "*"
    """Name of an operation, or a pattern such as ``carts.*``; ``token.*`` are grants at the token endpoint."""
    method: str = "*"
    path: str = "*"
    """Pattern of the path as sent, without regard to case."""
    customer: str | None = None
    partner: str | None = None
    """Tenant id."""
    skip: int = 0
    """How many matching requests pass first."""
    count: int | None = 1
    """How many requests the fault hits; None: every request, until the fault is removed."""
    probability: float = 1.0
    """Share of matching requests that the fault hits, drawn from the seed."""
    seconds: float = 0.0
    status: int = 0
    """0: the usual status of the kind, 500 or 200."""
    code: int | str | None = None
    """A number at Partner Center, a word at Azure Resource Manager."""
    retry_after: float | None = None
    retry_after_form: Literal["seconds", "date"] = "seconds"
    page: Literal["html", "empty", "json"] = "html"
    """The answer of ``gateway``: a page of HTML, nothing, or ``statusCode`` and ``message`` in JSON."""
    acts: bool | None = None
    """Overrides whether ``empty``, ``garbage``, ``gateway`` and ``fault_in_200`` act."""
    hits: int = 0
    """How often the fault was used; the list of faults counts."""

    def fits(self, request: Received) -> bool:
        """Tell whether this fault is for a request."""
        return (
            fnmatchcase(request.operation or "", self.operation)
            and fnmatchcase(request.method.upper(), self.method.upper())
            and fnmatchcase(request.path.lower(), self.path.lower())
            and self.customer in (None, request.customer)
            and self.partner in (None, request.partner)
        )


class FaultPlan:
    """The waiting faults, first come first served."""

    def __init__(self, seed: int) -> None:
        self.waiting: list[Fault] = []
        self._rng = random.Random(seed)  # noqa: S311 - repeatable by seed, guards nothing

    def add(self, kind: Kind | str, **conditions: Any) -> Fault:
        """Add a fault and return it; raises ValueError for an unknown kind or condition."""
        known = {each.name for each in fields(Fault)} - {"kind", "hits"}
        if unknown := set(conditions) - known:
            raise ValueError(f"unknown condition {sorted(unknown)}; known are {', '.join(sorted(known))}")
        for name in ("customer", "partner"):
            if conditions.get(name):
                conditions[name] = str(conditions[name]).lower()
        fault: Fault = adapter(Fault).validate_python({"kind": kind, **conditions})
        self.waiting.append(fault)
        return fault

    def add_from(self, document: Mapping[str, Any]) -> Fault:
        """Add a fault from a JSON object with ``kind`` and conditions; raises ValueError."""
        conditions = dict(document)
        return self.add(str(conditions.pop("kind", "")), **conditions)

    def remove(self, fault: Fault) -> None:
        """Remove a fault, whether or not it is used up."""
        self.waiting = [each for each in self.waiting if each is not fault]

    def clear(self) -> None:
        """Remove all faults."""
        self.waiting = []

    def pick(self, request: Received) -> Fault | None:
        """Return the first fault that hits a request, and use it up."""
        for fault in self.waiting:
            if not fault.fits(request):
                continue
            if fault.skip > 0:
                fault.skip -= 1
            elif fault.probability >= 1 or self._rng.random() < fault.probability:
                self._use(fault)
                return fault
        return None

    def _use(self, fault: Fault) -> None:
        fault.hits += 1
        if fault.count is not None and fault.hits >= fault.count:
            self.remove(fault)
