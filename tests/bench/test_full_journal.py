"""`ops/bench/full_journal.py`: a journal that is filled is one that a worker and retention could have left."""

import asyncpg
import pytest

from ops.bench.full_journal import TABLES, Filling, sizes
from tests.journal.bench import Bench, accept, claim, command, ended, rows
from worker.journal.operating.retention import due
from worker.journal.operating.retention_kinds import Ages

pytestmark = pytest.mark.postgres
DAY = 86_400.0
INDEXES = "SELECT count(*) AS n FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'of\\_%'"


async def test_copies_are_commands_of_all_ages_that_need_no_pruning(postgres_url: str) -> None:
    """Ten commands become a hundred over 400 days; those older than 30 days have no bytes, as retention leaves them."""
    async with Bench(postgres_url) as bench:
        one = await bench.worker()
        await accept(one, *(command(str(number), customer=f"customer-{number}") for number in range(10)))
        for work in await claim(one):
            await one.conclude(work, ended(work))
        await one.sent(await one.unsent(100))
        before = await rows(one, INDEXES)
        connection = await asyncpg.connect(postgres_url)
        filling = Filling(connection, postgres_url, days=400, detail=30)
        await filling.begin()
        await filling.fill(100, lambda _: None)

        assert filling.commands == 100
        assert await rows(one, INDEXES) == before
        assert (await sizes(connection)).keys() == set(TABLES)
        assert await rows(one, "SELECT count(DISTINCT customer) AS n FROM command") == [{"n": 100}]
        assert await rows(one, "SELECT count(*) AS n FROM event") == [{"n": 200}]
        bare = (await rows(one, "SELECT count(*) AS n FROM command WHERE value IS NULL"))[0]["n"]
        assert 80 <= bare <= 90
        late = await one.transactions.read(lambda tx: due(tx, Ages(401 * DAY, 50 * DAY)))
        assert (late.details, late.commands) == (0, 0)
        await connection.close()


async def test_a_worker_goes_on_in_a_filled_journal(postgres_url: str) -> None:
    """Known records stay known, new ones are taken in, and what is taken away leaves no lane behind."""
    async with Bench(postgres_url) as bench:
        one = await bench.worker()
        await accept(one, command("1"))
        (work,) = await claim(one)
        await one.conclude(work, ended(work))
        connection = await asyncpg.connect(postgres_url)
        filling = Filling(connection, postgres_url, days=400, detail=30)
        await filling.begin()
        await filling.fill(20, lambda _: None)

        assert [each.value for each in await accept(one, command("1"), command("2"))] == ["duplicate", "new"]
        await filling.forget_open()
        assert await claim(one) == []
        assert filling.commands == 20
        await connection.close()
