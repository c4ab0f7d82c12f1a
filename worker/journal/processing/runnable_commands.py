"""Finds the commands that can run now, and reads all that the journal knows about them."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from worker.journal.database.columns import STEP, account, gathered, load_waits, source, step
from worker.journal.database.protocol import Row, Transaction
from worker.journal.database.state_conditions import OWN_LANE, UNKNOWN_STATE
from worker.journal.processing.pauses import NOT_PAUSED, PAUSE, gathered_pauses, held_by
from worker.journal.processing.unknown_rows import why_not, why_not_steps
from worker.journal.records import SECOND, Claim, Earlier, Kind, Owner, Pause, Resolution, State, Step, UnknownRow, Work

COMMAND = ("uid", "source", "id", "type", "lane", "partner", "customer", "correlation_id", "state", "code", "redrive",
    "revision", "resolution", "released", "attempts", "waits", "memory", "received_at", "first_failed_at", "topic",
    "partition", "position", "recorded_at", "key", "value", "headers", "account", "due_at", "turn")  # fmt: skip
EARLIER = ("effect.key", "effect.uid", "other.id")
NO_COMMAND = "SELECT command.uid FROM command WHERE 1 = 0"
STANDS_BEHIND = f"""(SELECT odd.state FROM command AS odd WHERE odd.lane = command.lane AND odd.turn < command.turn
    AND odd.released = 0 AND odd.concluded_at IS NULL AND odd.{UNKNOWN_STATE} ORDER BY odd.turn LIMIT 1)"""


def _known(tx: Transaction) -> str:
    """The columns with all that the journal knows about a command: its row, its lane, its steps, the counts of answers
    to its requests, the effects that other commands of its lane left open, with their steps, and all pauses."""
    steps = [f"step.{name}" for name in STEP]
    return f"""{", ".join(f"command.{name} AS {name}" for name in COMMAND)},
        lane.epoch AS epoch, lane.settle_until AS settle_until,
        {STANDS_BEHIND} AS stands_behind,
        (SELECT {tx.gather(steps)} FROM step WHERE step.uid = command.uid) AS steps,
        (SELECT {tx.gather(["counted.request", "counted.n"])} FROM (SELECT call.request AS request, count(*) AS n
           FROM call WHERE call.uid = command.uid AND call.answered = 1 GROUP BY call.request) AS counted) AS answers,
        (SELECT {tx.gather([*EARLIER, *steps])} FROM effect JOIN command AS other ON other.uid = effect.uid
           LEFT JOIN step ON step.uid = effect.uid
         WHERE effect.lane = command.lane AND effect.uid <> command.uid) AS earlier,
        (SELECT {tx.gather(PAUSE.values())} FROM pause) AS pauses"""


async def claim(
    tx: Transaction,
    worker: str,
    partners: Sequence[str],
    limit: int,
    running: Collection[str],
    without: Mapping[str, Collection[Kind]],
) -> Claim:
    """For each partner at most `limit` commands that can run now, the longest due first, without those of `running`.

    `without`: kinds of commands that are left out, by partner.

    One statement. The limit stands in its text, so that a plan that is made once suits every claim.
    """
    portion = f"""SELECT portion.uid FROM (SELECT command.uid FROM command JOIN lane ON lane.id = command.lane
        WHERE command.partner = ? AND command.due_at <= ? AND {OWN_LANE} AND NOT {tx.among("command.uid")}
          AND NOT {tx.among("command.type || ' ' || command.state")}
        ORDER BY command.due_at, command.turn LIMIT {limit:d}) AS portion"""
    busy = list(running)
    others = {partner: [" ".join(kind) for kind in kinds] for partner, kinds in without.items()}
    values = [value for partner in partners for value in (partner, tx.now, worker, busy, others.get(partner, []))]
    rows = await tx.rows(
        f"""WITH due (uid) AS ({" UNION ALL ".join([portion] * len(partners)) or NO_COMMAND})
            SELECT ahead.due_at AS next_due_at, {_known(tx)}
            FROM (SELECT (SELECT command.due_at FROM command JOIN lane ON lane.id = command.lane
                   WHERE command.due_at > ? AND {OWN_LANE} ORDER BY command.due_at LIMIT 1) AS due_at) AS ahead
            LEFT JOIN (due JOIN command ON command.uid = due.uid JOIN lane ON lane.id = command.lane) ON 1 = 1""",
        *values,
        tx.now,
        worker,
    )
    next_due_at = rows[0]["next_due_at"]
    found = sorted((row for row in rows if row["uid"] is not None), key=lambda row: (row["due_at"], row["turn"]))
    work, unknown = _read(worker, found)
    return Claim(
        work=work,
        unknown=unknown,
        next_in=(next_due_at - tx.now) / SECOND if next_due_at is not None else None,
    )


async def partners(tx: Transaction) -> list[str]:
    """The partners of all commands that are due, now or later. Costs one look at the index for each partner."""
    rows = await tx.rows(
        """WITH RECURSIVE found (partner) AS (
             SELECT min(partner) FROM command WHERE due_at IS NOT NULL
             UNION ALL
             SELECT (SELECT min(command.partner) FROM command
                     WHERE due_at IS NOT NULL AND command.partner > found.partner)
             FROM found WHERE found.partner IS NOT NULL)
           SELECT partner FROM found WHERE partner IS NOT NULL"""
    )
    return [row["partner"] for row in rows]


async def runnable(tx: Transaction, worker: str, limit: int) -> int:
    """How many commands of this worker's lanes can run now and are not paused. The count stops at `limit`."""
    rows = await tx.rows(
        f"""SELECT count(*) AS n FROM (SELECT 1 FROM command JOIN lane ON lane.id = command.lane
           WHERE command.due_at <= ? AND {OWN_LANE} AND {NOT_PAUSED} LIMIT {limit:d}) AS due""",
        tx.now,
        worker,
    )
    return int(rows[0]["n"])


async def subject(tx: Transaction, worker: str, uid: str) -> Work | UnknownRow | None:
    """A command in any state. None if it is unknown, its bytes are forgotten, or another worker owns its lane."""
    rows = await tx.rows(
        f"""SELECT {_known(tx)} FROM command JOIN lane ON lane.id = command.lane
            WHERE command.uid = ? AND lane.owner = ? AND command.pruned_at IS NULL""",
        uid,
        worker,
    )
    work, unknown = _read(worker, rows)
    return work[0] if work else unknown[0] if unknown else None


def _read(worker: str, rows: Sequence[Row]) -> tuple[list[Work], list[UnknownRow]]:
    """The commands of these rows. The commands that this azplan does not understand are returned apart."""
    work: list[Work] = []
    unknown: list[UnknownRow] = []
    for row in rows:
        owner = Owner(worker, row["epoch"])
        steps, unread = _steps(gathered(STEP, row["steps"]))
        earlier, unread_earlier = _earlier(row["earlier"])
        everyones = (steps, *(item.steps for item in earlier))
        if why := why_not(row) or unread or unread_earlier or next(filter(None, map(why_not_steps, everyones)), None):
            unknown.append(UnknownRow(row["uid"], row["lane"], owner, row["revision"], why))
        else:
            answers: dict[str, int] = dict(json.loads(row["answers"] or "[]"))
            held = gathered_pauses(row["pauses"])
            work.append(_work(row, owner, steps, answers, earlier, held))
    return work, unknown


def _work(
    row: Row,
    owner: Owner,
    steps: dict[str, Step],
    answers: dict[str, int],
    earlier: Sequence[Earlier],
    held: Sequence[Pause],
) -> Work:
    return Work(
        uid=row["uid"],
        source=row["source"],
        id=row["id"],
        type=row["type"],
        lane=row["lane"],
        owner=owner,
        partner=row["partner"] or None,
        customer=row["customer"],
        correlation_id=row["correlation_id"],
        redrive=row["redrive"],
        attempts=row["attempts"],
        released=bool(row["released"]),
        received_at=row["received_at"],
        first_failed_at=row["first_failed_at"],
        settle_until=0 if row["released"] else row["settle_until"],
        record=source(row),
        waits=load_waits(row["waits"]),
        memory=json.loads(row["memory"]),
        steps=steps,
        answers=answers,
        earlier=tuple(earlier),
        revision=row["revision"],
        state=State(row["state"]),
        code=row["code"],
        paused=held_by(held, row),
        resolution=Resolution(row["resolution"]) if row["resolution"] else None,
        account=account(row),
    )


def _earlier(text: str | None) -> tuple[list[Earlier], str | None]:
    """The effects that other commands of a lane left open, with their steps. The second value as of `_steps`."""
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in gathered((*EARLIER, *STEP), text):
        theirs = found[row["effect.key"], row["effect.uid"], row["other.id"]]
        if row["name"] is not None:
            theirs.append(row)
    read = {place: _steps(rows) for place, rows in found.items()}
    unread = next((why for _, why in read.values() if why), None)
    return [Earlier(*place, steps) for place, (steps, _) in read.items()], unread


async def steps_of(tx: Transaction, uid: str) -> dict[str, Step]:
    """The steps of a command by their names, without the steps that cannot be read."""
    return _steps(await tx.rows("SELECT * FROM step WHERE uid = ?", uid))[0]


def _steps(rows: Sequence[Row]) -> tuple[dict[str, Step], str | None]:
    """The readable steps by their names, the oldest first; and why a step cannot be read, None if all can."""
    found: dict[str, Step] = {}
    unread = None
    for row in sorted(rows, key=lambda row: (row["at"], row["name"])):
        try:
            found[row["name"]] = step(row)
        except ValueError:
            unread = f"its step {row['name']} cannot be read"
    return found, unread
