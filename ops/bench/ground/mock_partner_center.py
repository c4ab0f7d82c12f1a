"""A Partner Center for measuring: answers the calls of the benchmark's commands at once or after a fixed time.

    python -m ops.bench.ground.mock_partner_center --port 20001

The simulator (ops/simulator) practises; it checks tokens and bodies, keeps books, and costs more per call than the
worker that is measured. This server knows only what the benchmark's commands ask, believes every customer id, and
remembers one word for each customer: the status of the plan.

With `--ceiling 500` it answers 429 to a resource family that has more requests than that in any 60 seconds. Refused
ones count.

Its control pages, beside `/v1`: `GET /bench/counts` (calls by operation), `GET /bench/busy` (seconds between request
and answer by customer), `GET /bench/log` (the last calls), `GET /bench/arrivals` (with a ceiling: when requests of each
family came, and which were refused), `POST /bench/reset?delay=0.05` (forget these, and answer after so many seconds
from now on).
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter, defaultdict, deque
from typing import Final, cast

import uvloop

from ops.bench.ground.partner_center_answers import ROUTES, Answer, Plans, route_of

SPAN: Final = 60.0
TOO_MANY: Final = 429
LOG: Final = 2000
"""How many of the last calls are kept."""


class Center:
    """The customers' plans, and what was called."""

    def __init__(self, ceiling: int = 0) -> None:
        """`ceiling`: requests in any 60 seconds for each resource family; 0 for no ceiling."""
        self.ceiling = ceiling
        self.arrivals: dict[str, list[tuple[float, bool]]] = defaultdict(list)
        self.plans: Plans = {}
        self.counts: Counter[str] = Counter()
        self.busy: dict[str, float] = defaultdict(float)
        self.log: deque[tuple[str, str, str, str]] = deque(maxlen=LOG)
        self.delay = 0.0

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        """The answer to a call of Partner Center. 404 for a call that the benchmark's commands do not make."""
        route, customer = route_of(method, target)
        known = ROUTES.get(route)
        if known is None:
            self.counts[f"unknown: {route}"] += 1
            return 404, {"code": 1000, "description": "not found", "data": [], "source": "PartnerFD"}
        name, make = known
        self.counts[name] += 1
        self.log.append((name, method, target, body.decode()))
        return make(self.plans, customer, body)

    def refused(self, target: str) -> bool:
        """Count a request for the ceiling of its family. Whether it is one too many."""
        words = target.partition("?")[0].split("/")[2:]
        family = words[2] if words[0] == "customers" and len(words) > 2 else words[0]
        known, now = self.arrivals[family], time.monotonic()
        too_many = len(known) >= self.ceiling and known[-self.ceiling][0] > now - SPAN
        known.append((now, too_many))
        return too_many

    def control(self, target: str) -> Answer:
        """The answer of a control page."""
        page, _, delay = target.partition("?delay=")
        match page:
            case "/bench/counts":
                return 200, dict(self.counts)
            case "/bench/busy":
                return 200, dict(self.busy)
            case "/bench/arrivals":
                return 200, dict(self.arrivals)
            case "/bench/log":
                return 200, {"calls": list(self.log)}
            case "/bench/reset":
                self.counts.clear()
                self.busy.clear()
                self.log.clear()
                self.arrivals.clear()
                self.delay = float(delay or self.delay)
                return 200, {}
        return 404, {}


class Connection(asyncio.Protocol):
    """One kept-alive connection: HTTP/1.1 requests with a Content-Length, one after the other."""

    def __init__(self, center: Center, loop: asyncio.AbstractEventLoop) -> None:
        self._center = center
        self._loop = loop
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head, body = self._buffer[:end], end + 4
            length = _content_length(head)
            if len(self._buffer) < body + length:
                return
            self._answer(head, self._buffer[body : body + length])
            self._buffer = self._buffer[body + length :]

    def _answer(self, head: bytes, body: bytes) -> None:
        method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
        center, begun = self._center, time.perf_counter()
        if not target.startswith("/v1/"):
            self._write(center.control(target))
            return
        if center.ceiling and center.refused(target):
            self._write((429, {"code": 429, "description": "too many requests"}))
            return
        answer = center.answer(method, target, body)
        customer = target.split("/")[3] if target.startswith("/v1/customers/") else ""
        if center.delay:
            self._loop.call_later(center.delay, self._finish, answer, customer, begun)
        else:
            self._finish(answer, customer, begun)

    def _finish(self, answer: Answer, customer: str, begun: float) -> None:
        if not self._transport.is_closing():
            self._write(answer)
        self._center.busy[customer] += time.perf_counter() - begun

    def _write(self, answer: Answer) -> None:
        status, document = answer
        body = json.dumps(document, separators=(",", ":")).encode()
        kind = "Content-Type: application/json; charset=utf-8"
        later = "Retry-After: 1\r\n" if status == TOO_MANY else ""
        head = f"HTTP/1.1 {status} OK\r\n{later}{kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].partition(b"\r\n")[0]) if at >= 0 else 0


async def serve(port: int, ceiling: int) -> None:
    """Serve on loopback until the process ends. Prints `ready` when requests are taken."""
    loop, center = asyncio.get_running_loop(), Center(ceiling)
    server = await loop.create_server(lambda: Connection(center, loop), "127.0.0.1", port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ceiling", type=int, default=0)
    given = parser.parse_args()
    uvloop.run(serve(given.port, given.ceiling))
