"""Downloads files as an export does: azplan's own client, to the disk. A process of its own, with a worker's loop.

    python -m ops.bench.exports.download HOST CA_FILE FOLDER AT_ONCE < addresses

Prints the seconds from the first request to the last byte on the disk, as curl's are measured beside it.
"""

import asyncio
import logging
import sys
import time
from pathlib import Path

import structlog
from pydantic import SecretStr

from worker.cli.verbs.run import event_loop
from worker.clock import Clock
from worker.exports.blobs import save
from worker.operators.checks.partner_calls import Probe
from worker.partner_center.client.account import Account, AccountConfig
from worker.partner_center.client.token_requests import Identity
from worker.partner_center.resources.billing_exports import BLOB

TIMEOUT = 120.0


async def seconds_of(account: Account, addresses: list[str], folder: Path, at_once: int) -> float:
    """Download these addresses into the folder, so many at once. The seconds that it took."""
    center, waiting = account.center(Probe()), list(enumerate(addresses))

    async def one_after_another() -> None:
        while waiting:
            number, address = waiting.pop(0)
            async with center.download(BLOB, SecretStr(address)) as answer:
                await save(asyncio.to_thread, answer, folder / f"{number:05}")

    begun = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return time.perf_counter() - begun


async def _main(host: str, ca_file: str, folder: str, at_once: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    identity = Identity(f"https://{host}/none", "none", "none", client_secret="none")  # noqa: S106 - asks for no token
    config = AccountConfig("bench", identity, f"https://{host}", ca_file=Path(ca_file), storage_hosts=(host,))
    account = Account(config, Clock(), call_timeout=TIMEOUT)
    seconds = await seconds_of(account, sys.stdin.read().split(), Path(folder), int(at_once))
    await account.close()
    sys.stdout.write(f"{seconds}\n")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_main(*sys.argv[1:]))
