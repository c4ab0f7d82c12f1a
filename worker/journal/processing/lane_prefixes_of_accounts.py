"""The tenants, and the word that the names of a tenant's lanes begin with. A tenant keeps its word for ever.

An account is a name for a tenant in the settings, and may be renamed at any time. In an older journal, which does not
know tenants, lanes begin with the name of the account. The word of a new tenant is therefore the name of its account,
if that name is free: the lanes of an older journal stay valid, and an older worker can run beside this one.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from worker.errors import JournalRefused
from worker.journal.database.protocol import Transaction
from worker.journal.processing import consumer_group, runnable_commands

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

NEW = "INSERT INTO tenant (id, lanes, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
NAMED = """INSERT INTO account_name (name, lanes, at) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET lanes = excluded.lanes, at = excluded.at"""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A partner's tenant: the word that its lanes begin with, and the name of its account today."""

    lanes: str
    account: str


@dataclass(frozen=True, slots=True)
class Directory:
    """The tenants of the configured accounts, by the account's name and by its former names.

    A former name stands for its tenant as long as no other tenant has that name.
    """

    accounts: Mapping[str, Tenant] = field(default_factory=dict)
    former: Mapping[str, Tenant] = field(default_factory=dict)

    def resolve(self, asked: str | None) -> Tenant | None:
        """The tenant of the account that a command asks for, or of the only account if the command asks for none.

        None if no account has the name, or if the command asks for none and there is not exactly one account.
        """
        if asked is None:
            return next(iter(self.accounts.values())) if len(self.accounts) == 1 else None
        name = asked.casefold()
        return self.accounts.get(name) or self.former.get(name)

    def account_of(self, lanes: str | None) -> str | None:
        """The account of the tenant with this word; the only account if `lanes` is None. None if there is no such."""
        if lanes is None:
            only = self.resolve(None)
            return only.account if only else None
        return next((name for name, tenant in self.accounts.items() if tenant.lanes == lanes), None)


async def register(tx: Transaction, accounts: Mapping[str, str], *, rename: bool = True) -> Directory:
    """Remember the tenants of these accounts, from names to tenant ids. `rename`: remember the accounts' names too.

    Raises `JournalRefused` if the journal holds unfinished work of an account with an unknown tenant.
    """
    await _one_at_a_time(tx)
    ids = {name: id_.lower() for name, id_ in accounts.items()}
    await _refuse_unknown(tx, ids)
    for name, id_ in sorted(ids.items(), key=lambda each: each[1]):
        for lanes in (name, reserved(id_)):
            await tx.run(NEW, id_, lanes, tx.now)
    found = await directory(tx, accounts)
    if rename:
        for name, tenant in found.accounts.items():
            await tx.run("UPDATE tenant SET account = NULL WHERE account = ? AND lanes <> ?", name, tenant.lanes)
            await tx.run("UPDATE tenant SET account = ? WHERE lanes = ?", name, tenant.lanes)
            await tx.run(NAMED, name, tenant.lanes, tx.now)
    return found


def reserved(tenant: str) -> str:
    """The word of a tenant if the name of its account is taken. No account can have this name."""
    return f"tenant:{tenant}"


async def directory(tx: Transaction, accounts: Mapping[str, str]) -> Directory:
    """The tenants of these accounts, also those that the journal does not know yet. Changes nothing."""
    known = {row["id"]: row["lanes"] for row in await tx.rows("SELECT id, lanes FROM tenant")}
    ids = {name: id_.lower() for name, id_ in sorted(accounts.items())}
    found = {name: Tenant(known.get(id_, reserved(id_)), name) for name, id_ in ids.items()}
    by_lanes = {tenant.lanes: tenant for tenant in found.values()}
    former = {
        row["name"]: by_lanes[row["lanes"]]
        for row in await tx.rows("SELECT name, lanes FROM account_name ORDER BY name")
        if row["lanes"] in by_lanes and row["name"] not in accounts
    }
    return Directory(found, former)


async def call_also(tx: Transaction, former: str, now: str) -> None:
    """Remember `former` as a former name of the account `now`.

    Raises `JournalRefused` if no account is named `now`, or if `former` is the name of a configured account.
    """
    rows = await tx.rows("SELECT lanes FROM tenant WHERE account = ?", now)
    if not rows:
        raise JournalRefused(f"no account is named {now}, so {former} cannot have been renamed to it.")
    if await tx.rows("SELECT id FROM tenant WHERE account = ?", former):
        raise JournalRefused(f"{former} is the name of a configured account, so it is no former name of {now}.")
    await tx.run(NAMED, former, rows[0]["lanes"], tx.now)


async def all_lanes(tx: Transaction) -> set[str]:
    """The words that the lanes of the known tenants begin with."""
    return {row["lanes"] for row in await tx.rows("SELECT lanes FROM tenant")}


async def lanes_named(tx: Transaction, name: str) -> str:
    """The word of the tenant that a person calls `name`: its account's name, its id, or a former name of its account.

    `name` itself if no tenant is called so.
    """
    for sql in (
        "SELECT lanes FROM tenant WHERE account = ?",
        "SELECT lanes FROM tenant WHERE id = ?",
        "SELECT lanes FROM account_name WHERE name = ?",
        "SELECT lanes FROM tenant WHERE lanes = ?",
    ):
        rows = await tx.rows(sql, name)
        if rows:
            return str(rows[0]["lanes"])
    return name


async def called_now(tx: Transaction, name: str) -> str:
    """Today's name of the tenant that a person calls `name`: its account's name, or else its id."""
    rows = await tx.rows(
        "SELECT coalesce(account, id) AS shown FROM tenant WHERE lanes = ?", await lanes_named(tx, name)
    )
    return str(rows[0]["shown"]) if rows else name


async def meant_by_settings(tx: Transaction, name: str, accounts: Mapping[str, str]) -> str:
    """The name that the workers know for the tenant of the account `name` in these settings, which they may not have
    read yet. `name` itself if the journal does not know the tenant."""
    rows = await tx.rows(
        "SELECT coalesce(account, id) AS shown FROM tenant WHERE id = ?", accounts.get(name, "").lower()
    )
    return str(rows[0]["shown"]) if rows else name


async def _one_at_a_time(tx: Transaction) -> None:
    """Two workers that start together register one after the other."""
    await tx.rows(f"SELECT value FROM meta WHERE name = ?{tx.locking}", consumer_group.NAME)


async def _refuse_unknown(tx: Transaction, ids: Mapping[str, str]) -> None:
    if not ids:
        return  # without an account no worker writes to Partner Center, so nothing can be done twice
    known = {row["lanes"]: row["id"] for row in await tx.rows("SELECT id, lanes FROM tenant")}
    new = [id_ for id_ in ids.values() if id_ not in known.values()]
    at_work = await _at_work(tx)
    unsure = [each for each in at_work if each not in known and ids.get(each) not in new]
    unsure += [each for each in at_work if each in known and _may_be_new(known[each], ids.values(), new)]
    if unsure:
        raise JournalRefused(_sentence(unsure))


def _may_be_new(tenant: str, configured: Collection[str], new: Sequence[str]) -> bool:
    """Whether a tenant that is not configured any more may be one of the new tenants. A tenant's domain name cannot be
    compared with its GUID, nor with another of its domain names."""
    comparable = (GUID.fullmatch(tenant) and GUID.fullmatch(other) for other in new)
    return tenant not in configured and not all(comparable)


async def _at_work(tx: Transaction) -> list[str]:
    """The words of lanes with unfinished work: an open command, an open effect, or a request that may still arrive."""
    found = {each for each in await runnable_commands.partners(tx) if each}
    for sql, values in (
        ("SELECT DISTINCT lane.partner AS partner FROM effect JOIN lane ON lane.id = effect.lane", ()),
        ("SELECT DISTINCT partner FROM lane WHERE settle_until > ?", (tx.now,)),
    ):
        found |= {row["partner"] for row in await tx.rows(sql, *values) if row["partner"]}
    return sorted(found)


def _sentence(unsure: Sequence[str]) -> str:
    names = ", ".join(unsure)
    first = unsure[0].upper()
    return (
        f"the journal holds unfinished work of {names}, and the tenant of that work is not known: no configured "
        "account has that name and tenant. If the account was renamed, azplan could repeat a purchase in doubt. Start "
        f"azplan once with the old name and the old tenant id (AZPLAN_PARTNERS__{first}__TENANT_ID and the rest): from "
        "then on the journal knows the tenant, and the account can be renamed at any time. A tenant id that is a "
        "domain name is changed to the GUID when that work is finished, not before."
    )
