"""Exports of invoices into one shared folder: the commands of a scene for them, and the faults of their requests."""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from ops.local.kafka_messages import Sent
from ops.local.simulator import TENANT
from ops.local.topics import PARTITIONS
from tests.storm.load import posting, send
from tests.storm.storm import Storm
from tests.support.harness import SOURCE

INVOICE = {"month": "2026-01", "blobs": 6, "usage_lines": 300, "groups": 12, "customers": 3}
EXPORT, STATEMENT = "ExportInvoiceLines", "FetchInvoiceStatement"
EVERYTHING = ["source", "parquet", "focus"]
ASKED: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (EXPORT, {"lines": ["usage"], "formats": ["source"]}),
    (EXPORT, {"lines": ["usage", "reconciliation"], "formats": EVERYTHING}),
    (EXPORT, {"lines": ["reconciliation", "usage"], "formats": ["source"]}),
    (EXPORT, {"lines": ["usage"], "formats": ["source"], "attributes": "basic"}),
    (STATEMENT, {}),
)
"""What is asked for each invoice, by commands that all come at once."""
PAUSE = 6.0
"""Seconds from one invoice to the next."""
FAULTS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    *((kind, "graph.*", {}) for kind in ("reset_before", "reset_after", "truncated", "cut_json", "throttle")),
    *(("error_before", "graph.*", {"status": status}) for status in (500, 503)),
    ("error_before", "graph.operation", {"status": 410, "code": "Gone"}),
    *((kind, "storage.blob", {}) for kind in ("reset_before", "reset_after", "truncated")),
    *(("error_before", "storage.blob", {"status": status}) for status in (403, 500, 503)),
    *((kind, "invoices.statement", {}) for kind in ("reset_after", "truncated")),
)
"""Faults of requests to Graph and storage during the trouble: kind, operation, members."""
FAULTY = 0.03
"""Share of the requests with each of these faults."""
HASTY = {"export_seconds": [600, 3_000], "sas_lifetime": 4.0, "export_lifetime": 8.0, "blob_speed": 20_000}
"""Exports of some seconds. Signed addresses and operations are over while blobs are still downloaded."""
CONVERTS = 8.0
"""Seconds within which some worker converts lines, mostly."""
USUAL = {"sas_lifetime": 43_200.0, "export_lifetime": 86_400.0, "blob_speed": 0}
SETTINGS = {
    "AZPLAN_PARTNERS__CONTOSO__GRAPH_REQUESTS_PER_MINUTE": "1000000",
    "AZPLAN_FILES__CONCURRENCY": "2",
    "AZPLAN_WAITS__EXPORT_FIRST": "0.3",
    "AZPLAN_WAITS__EXPORT_MAX": "2",
}


async def ask_for_exports(storm: Storm, seconds: float) -> None:
    """Make invoices, one after the other, and ask for the lines and the PDF of each, while requests meet faults."""
    simulator, end, number = storm.ground.simulator, time.monotonic() + seconds, 0
    await asyncio.to_thread(partial(simulator.change, **HASTY))
    for kind, operation, about in FAULTS:
        wanted = {"operation": operation, "probability": FAULTY, "count": None, **about}
        await asyncio.to_thread(partial(simulator.fault, kind, **wanted))
    while time.monotonic() < end:
        invoice = await asyncio.to_thread(partial(simulator.invoice, **INVOICE))
        commands = [
            Sent(kind, TENANT, {"invoiceId": invoice, **asks}, id=f"x-{invoice}-{place}", source=SOURCE)
            for place, (kind, asks) in enumerate(ASKED)
        ]
        storm.load.add(commands)
        await send(storm.topics, [posting(each, storm.rng.randrange(PARTITIONS)) for each in commands], over=0)
        number += 1
        await asyncio.sleep(PAUSE)
    await asyncio.to_thread(partial(simulator.change, **USUAL))
    storm.say(f"the lines of {number} invoices are asked for")


async def anyone(storm: Storm) -> int:
    """Any worker."""
    return storm.rng.choice(list(storm.crew.workers))


async def converting(storm: Storm) -> int:
    """The next worker with a child that converts, until one was met, and every second time after it.

    Any worker where there is none for a while.
    """
    waits = not storm.crew.while_converting or storm.rng.random() < 0.5
    end = time.monotonic() + (CONVERTS if waits else 0.0)
    while time.monotonic() < end:
        if busy := [number for number in storm.crew.workers if storm.crew.children(number)]:
            await asyncio.sleep(storm.rng.uniform(0.0, 0.5))
            return storm.rng.choice(busy)
        await asyncio.sleep(0.02)
    return await anyone(storm)
