"""The checks before the handlers: the quota, and the memory of request ids.

Pages: partner-center/developer/api-throttling-guidance (quota), headers (MS-RequestId). How long and for what the
service remembers request ids is documented nowhere: see the README for what is assumed.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from ops.simulator.commerce.error_codes import Refused
from ops.simulator.requests.answers import Answer, refusal
from ops.simulator.requests.calls import Call

WINDOW = 60.0

Key = tuple[str, str, str, str]


class Quota:
    """A sliding window for each key, such as a partner and a resource family; refused calls count too."""

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._calls: dict[tuple[str, str], deque[float]] = {}

    def clear(self) -> None:
        """Forget all calls."""
        self._calls.clear()

    def wait_for(self, key: tuple[str, str], limit: int, now: float) -> int | None:
        """Count a call. Return the seconds to wait if the call is one too many, else None; a limit of 0 is none."""
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - self._window:
            calls.popleft()
        calls.append(now)
        if not limit or len(calls) <= limit:
            return None
        return max(1, math.ceil(calls[-limit] + self._window - now))

    def never_came(self, key: tuple[str, str]) -> None:
        """Take back the last call of a key: its connection was refused, so the service has not seen it."""
        self._calls[key].pop()

    def left(self, key: tuple[str, str], limit: int) -> int:
        """Return how many calls the window still takes after the last one."""
        return max(0, limit - len(self._calls.get(key, ())))


@dataclass(frozen=True)
class Remembered:
    """The first answer to a request id."""

    answer: Answer
    content: Any
    ready_at: float
    forgotten_at: float


class RequestMemory:
    """The answers to earlier writes, by (tenant, method, path, MS-RequestId)."""

    def __init__(self) -> None:
        self._answers: dict[Key, Remembered] = {}

    def clear(self) -> None:
        """Forget all answers."""
        self._answers.clear()

    def recall(self, call: Call) -> Answer | None:
        """Return the answer to an earlier request with this id; 409 if that request is still under way."""
        key = _key(call)
        found = self._answers.get(key) if key and call.settings.remember_request_ids else None
        if found is None or found.forgotten_at <= call.at:
            return None
        if found.content != call.content:
            call.world.warn(f"MS-RequestId {call.received.request_id} was used again with another body")
        if found.ready_at > call.at:
            return refusal(Refused(call.operation.busy_code))
        return found.answer

    def keep(self, call: Call, answer: Answer) -> None:
        """Remember an answer. Errors of the service itself are not remembered."""
        key = _key(call)
        if key and answer.status < 500:
            forgotten_at = call.at + call.settings.request_id_memory
            self._answers[key] = Remembered(answer, call.content, call.ready_at, forgotten_at)


def _key(call: Call) -> Key | None:
    request_id = call.received.request_id
    if not call.operation.effect or not request_id:
        return None
    return (call.partner.tenant_id, call.received.method, call.received.path.lower(), request_id.lower())
