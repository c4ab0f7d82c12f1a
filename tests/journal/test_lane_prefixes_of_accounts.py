"""Lanes and effects belong to a tenant and a customer, whatever the account's name: on both databases."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.journal.bench import Bench, accept, change, claim, command, ended, intent, rows, waiting
from worker.errors import JournalRefused
from worker.journal.database import schema
from worker.journal.journal import Journal
from worker.journal.operating.pauses import Pauses
from worker.journal.processing.lane_prefixes_of_accounts import Directory, Tenant, called_now, directory, register
from worker.journal.reading.command_queries import newest, show
from worker.journal.reading.dead_letter_search import search
from worker.journal.records import State
from worker.journal.selection import Selection

FIRST, SECOND, THIRD = (f"5e11e500-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
DOMAIN = "contoso.onmicrosoft.com"

OLD_COMMAND = """INSERT INTO command (uid, source, id, type, lane, partner, customer, fingerprint, algorithm,
    correlation_id, state, turn, due_at, received_at, topic, partition, position, key, value, headers)
    VALUES (?, '/crm', ?, 'azplan.SuspendPlan.v1', ?, ?, 'c', 'same', 1, 'x', ?, 1, ?, 1, 'commands', 0, 1, NULL, NULL,
    '[]')"""
"""The format of a worker that knows only the first migration."""
OLD_LANE = "INSERT INTO lane (id, partner, customer, unfinished, unfinished_since) VALUES (?, ?, 'c', 1, 1)"
OLD_EFFECT = "INSERT INTO effect (lane, key, uid, opened_at) VALUES (?, 'azure-plan', ?, 1)"

Older = Callable[[], Coroutine[Any, Any, Journal]]


@pytest.fixture
def older(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Older:
    """Opens a journal from before tenants were known. The next open brings it up to date."""

    async def made() -> Journal:
        known = schema.migrations()
        with monkeypatch.context() as patch:
            patch.setattr(schema, "migrations", lambda: known[:1])
            return await bench.worker("older")

    return made


async def enrol(journal: Journal, **accounts: str) -> dict[str, str]:
    """A worker with these accounts starts. Returns the prefix of each account's lanes."""
    found: Directory = await journal.transactions.write(lambda tx: register(tx, accounts))
    return {name: tenant.lanes for name, tenant in found.accounts.items()}


async def fill(journal: Journal, partner: str, *, state: str = "accepted", effect: bool = False) -> None:
    """Write a command of an account, as an older worker leaves it."""
    lane = f"{partner}/c"
    await change(journal, OLD_LANE, lane, partner)
    due = 1 if state == "accepted" else None
    await change(journal, OLD_COMMAND, f"uid-{partner}", f"id-{partner}", lane, partner, state, due)
    if effect:
        await change(journal, OLD_EFFECT, lane, f"uid-{partner}")


async def test_a_tenant_keeps_its_lanes_however_its_account_is_called(bench: Bench) -> None:
    """The case of the id and the number of names do not matter."""
    worker = await bench.worker()
    assert await enrol(worker, contoso=FIRST) == {"contoso": "contoso"}
    assert await enrol(worker, renamed=FIRST.upper(), fabrikam=SECOND) == {"renamed": "contoso", "fabrikam": "fabrikam"}
    assert await enrol(worker, again=FIRST) == {"again": "contoso"}


async def test_a_name_that_goes_to_another_tenant_brings_no_lanes_along(bench: Bench) -> None:
    """Two accounts exchange their names. Each tenant keeps its own lanes."""
    worker = await bench.worker()
    await enrol(worker, a=FIRST, b=SECOND)
    assert await enrol(worker, a=SECOND, b=FIRST) == {"a": "b", "b": "a"}
    assert await enrol(worker, a=THIRD) == {"a": f"tenant:{THIRD}"}
    assert await worker.transactions.read(lambda tx: called_now(tx, SECOND)) == SECOND


async def test_no_account_can_be_called_as_the_lanes_of_a_tenant_without_a_name_of_its_own(bench: Bench) -> None:
    """An account may have the id of another account's tenant as its name."""
    worker = await bench.worker()
    await enrol(worker, a=FIRST)
    await enrol(worker, a=SECOND)
    found = await enrol(worker, **{SECOND: THIRD, "a": SECOND})
    assert found == {SECOND: SECOND, "a": f"tenant:{SECOND}"}
    assert len({row["lanes"] for row in await rows(worker, "SELECT lanes FROM tenant")}) == 3


async def test_replicas_that_call_one_tenant_differently_write_into_one_lane(bench: Bench) -> None:
    """The replicas start together.

    Commands that one accepts stand behind those of the other, and nothing is bought twice.
    """
    one, two = await bench.worker("one"), await bench.worker("two")
    for _ in range(5):
        first, second = await asyncio.gather(enrol(one, old=FIRST), enrol(two, new=FIRST))
    (lanes,) = {*first.values(), *second.values()}
    await accept(one, command("1", partner=lanes, account="old"))
    await accept(two, command("2", partner=lanes, account="new"))
    (work,) = await claim(one, partners=[lanes])
    assert (work.id, work.account) == ("1", "old")
    assert not await claim(two, partners=[lanes])
    assert len(await rows(one, "SELECT id FROM lane WHERE customer <> ''")) == 1
    await one.intend(work, intent(), 300, "azure-plan")
    await one.conclude(work, ended(work, State.FAILED, keep_effects=True))
    (behind,) = await claim(one, partners=[lanes])
    assert (behind.id, behind.account, [each.key for each in behind.earlier]) == ("2", "new", ["azure-plan"])


async def test_former_names_stand_for_their_tenant_until_another_has_them(bench: Bench) -> None:
    """Records sent before a rename are read after it."""
    worker = await bench.worker()
    await enrol(worker, old=FIRST)
    found: Directory = await worker.transactions.write(lambda tx: register(tx, {"new": FIRST, "other": SECOND}))
    assert found.resolve("OLD") == Tenant("old", "new")
    assert found.resolve("nobody") is None
    assert found.resolve(None) is None
    taken: Directory = await worker.transactions.write(lambda tx: register(tx, {"new": FIRST, "old": SECOND}))
    assert taken.resolve("old") == Tenant("other", "old")
    assert taken.resolve("other") == Tenant("other", "old")
    without: Directory = await worker.transactions.write(lambda tx: register(tx, {"new": FIRST}))
    assert without.resolve("old") is None
    assert without.resolve(None) == Tenant("old", "new")


async def test_looking_at_tenants_remembers_none(bench: Bench) -> None:
    """Planning a replay changes nothing: an account that no worker has met takes no lanes of another."""
    worker = await bench.worker()
    await enrol(worker, a=FIRST)
    found = await worker.transactions.read(lambda tx: directory(tx, {"a": SECOND, "b": FIRST}))
    assert {name: tenant.lanes for name, tenant in found.accounts.items()} == {"a": f"tenant:{SECOND}", "b": "a"}
    assert len(await rows(worker, "SELECT id FROM tenant")) == 1


async def test_a_verb_does_not_rename_an_account(bench: Bench) -> None:
    """A verb on another machine may use another name. It only looks, so it changes no name."""
    worker = await bench.worker()
    await enrol(worker, a=FIRST)
    found: Directory = await worker.transactions.write(
        lambda tx: register(tx, {"mine": FIRST, "b": SECOND}, rename=False)
    )
    assert found.accounts["mine"] == Tenant("a", "mine")
    assert await worker.transactions.read(lambda tx: called_now(tx, "a")) == "a"
    assert await worker.transactions.read(lambda tx: called_now(tx, "mine")) == "mine"


# ---- names that people see and use


async def test_people_find_commands_by_any_name_that_is_not_anothers(bench: Bench) -> None:
    """The list shows the present name of the account, or the tenant's id if its name went to another tenant."""
    worker = await bench.worker()
    await enrol(worker, old=FIRST)
    await accept(worker, command("1", partner="old", account="old"), command("2", partner=None))
    failed = next(each for each in await claim(worker, partners=["old"]) if each.id == "1")
    await worker.conclude(failed, ended(failed, State.FAILED))
    for accounts, name, shown in (
        ({"old": FIRST}, "old", "old"),
        ({"new": FIRST}, "new", "new"),
        ({"new": FIRST}, "old", "new"),
        ({"new": FIRST}, FIRST, "new"),
        ({"new": SECOND}, FIRST, FIRST),
    ):
        await enrol(worker, **accounts)
        (found,) = await worker.transactions.read(lambda tx, name=name: newest(tx, Selection(partner=name)))
        (dead,) = await worker.transactions.read(lambda tx, name=name: search(tx, Selection(partner=name)))
        story = await worker.transactions.read(lambda tx, uid=found.uid: show(tx, uid))
        assert story is not None
        assert (found.id, found.partner, dead.partner, story.command.partner) == ("1", shown, shown, shown)
    assert not await worker.transactions.read(lambda tx: newest(tx, Selection(partner="new")))
    everything = await worker.transactions.read(lambda tx: newest(tx, Selection()))
    assert [each.partner for each in everything] == [None, FIRST]


async def test_a_pause_holds_the_tenant_and_not_the_name(bench: Bench) -> None:
    """A rename frees no held command and holds no free one."""
    worker = await bench.worker()
    await enrol(worker, a=FIRST, b=SECOND)
    brake = Pauses(worker.transactions)
    await brake.pause("ada", "stop", Selection(partner="a"))
    await accept(worker, command("1", partner="a", account="a"), command("2", customer="d", partner="b"))
    await enrol(worker, c=FIRST, a=SECOND)
    works = await claim(worker, partners=["a", "b"])
    assert {work.id: work.paused is not None for work in works} == {"1": True, "2": False}
    (held,) = await brake.in_force()
    assert held.which == Selection(partner="c")
    assert await brake.resume("ada", "go", Selection(partner="a")) == 0
    assert await brake.resume("ada", "go", Selection(partner="c")) == 1
    assert not [work for work in await claim(worker, partners=["a", "b"]) if work.paused]


# ---- journals of earlier versions


async def test_a_journal_of_before_goes_on_in_its_lanes(older: Older, bench: Bench) -> None:
    """A command written without the new column is claimed, names its account and holds its effect."""
    old = await older()
    await fill(old, "contoso", effect=True)
    new = await bench.worker("newer")
    assert await enrol(new, contoso=FIRST, fabrikam=SECOND) == {"contoso": "contoso", "fabrikam": "fabrikam"}
    assert await enrol(new, renamed=FIRST) == {"renamed": "contoso"}
    await new.take_lanes(10)
    (work,) = await claim(new, partners=["contoso"])
    assert (work.lane, work.partner, work.account) == ("contoso/c", "contoso", "contoso")
    await new.conclude(work, waiting())
    await accept(new, command("2", customer="c", partner="contoso", account="renamed"))
    await fill(old, "fabrikam", state="succeeded")
    assert [row["n"] for row in await rows(old, "SELECT count(*) AS n FROM command")] == [3]


@pytest.mark.parametrize("left", ["a command", "an effect", "a late request"])
async def test_a_rename_together_with_the_upgrade_is_refused_while_something_is_unfinished(
    older: Older, bench: Bench, left: str
) -> None:
    """The new name's tenant need not be the old one's. A start with the old name shows which tenant it is."""
    old = await older()
    await fill(old, "old", state="accepted" if left == "a command" else "failed", effect=left == "an effect")
    if left == "a late request":
        await change(old, "UPDATE lane SET settle_until = 9000000000000000")
    new = await bench.worker("newer")
    with pytest.raises(JournalRefused, match=r"unfinished work of old.*once with the old name.*OLD__TENANT_ID"):
        await enrol(new, renamed=FIRST)
    assert not await rows(new, "SELECT id FROM tenant")
    assert await enrol(new) == {}
    assert await enrol(new, old=FIRST) == {"old": "old"}
    assert await enrol(new, renamed=FIRST) == {"renamed": "old"}


async def test_an_account_whose_work_is_all_done_may_be_gone(older: Older, bench: Bench) -> None:
    """Finished work does not stop a start, nor does a command whose account is unknown."""
    old = await older()
    await fill(old, "gone", state="failed")
    await fill(old, "", state="accepted")
    assert await enrol(await bench.worker("newer"), renamed=FIRST) == {"renamed": "renamed"}


async def test_a_known_tenant_does_not_take_over_lanes_of_an_unknown_one(bench: Bench) -> None:
    """It has lanes of its own. The tenant of the others is unknown."""
    worker = await bench.worker()
    await enrol(worker, a=FIRST)
    await fill(worker, "b")
    with pytest.raises(JournalRefused, match="unfinished work of b"):
        await enrol(worker, b=FIRST)


async def test_a_domain_name_becomes_the_guid_when_its_work_is_done(bench: Bench) -> None:
    """A domain name and a GUID cannot be compared: until then they may be one tenant or two."""
    worker = await bench.worker()
    await enrol(worker, contoso=DOMAIN)
    await accept(worker, command("1", partner="contoso"))
    with pytest.raises(JournalRefused, match=r"unfinished work of contoso.*GUID"):
        await enrol(worker, contoso=FIRST)
    (work,) = await claim(worker, partners=["contoso"])
    await worker.conclude(work, ended(work))
    assert await enrol(worker, contoso=FIRST) == {"contoso": f"tenant:{FIRST}"}


async def test_a_tenant_that_is_not_configured_any_more_keeps_nobody_out(bench: Bench) -> None:
    """Its open work does not belong to a tenant with another id."""
    worker = await bench.worker()
    await enrol(worker, a=FIRST)
    await accept(worker, command("1", partner="a"))
    assert await enrol(worker, a=SECOND) == {"a": f"tenant:{SECOND}"}
    work = await only_of(worker, "a")
    assert work == "1"


async def only_of(worker: Journal, partner: str) -> str:
    """The id of the only command in these lanes that can run."""
    (work,) = await claim(worker, partners=[partner])
    return work.id
