"""Finds the commands that can run now, and reads all that the journal knows about them."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from worker.journal.database.columns import account, load_waits, source, step
from worker.journal.database.protocol import Row, Transaction
from worker.journal.database.state_conditions import UNKNOWN_STATE
from worker.journal.processing.pauses import held_by, not_held, pauses
from worker.journal.processing.unknown_rows import why_not, why_not_steps
from worker.journal.records import SECOND, Claim, Earlier, Owner, Pause, Resolution, State, Step, UnknownRow, Work

OF_LANES = f"""SELECT command.uid, command.source, command.id, command.type, command.lane, command.partner,
      command.customer, command.correlation_id, command.state, command.code, command.redrive, command.revision,
      command.resolution, command.released, command.attempts, command.waits, command.memory, command.received_at,
      command.first_failed_at, command.topic, command.partition, command.position, command.recorded_at, command.key,
      command.value, command.headers, command.account, lane.epoch, lane.settle_until,
      (SELECT odd.state FROM command AS odd WHERE odd.lane = command.lane AND odd.turn < command.turn
         AND odd.released = 0 AND odd.concluded_at IS NULL AND odd.{UNKNOWN_STATE}
       ORDER BY odd.turn LIMIT 1) AS stands_behind
    FROM command JOIN lane ON lane.id = command.lane"""


async def claim(tx: Transaction, worker: str, partners: Sequence[str], limit: int, running: Collection[str]) -> Claim:
    """For each partner at most `limit` commands that can run now, the longest due first, without those of `running`."""
    found: list[Row] = []
    for partner in partners:
        rows = await tx.rows(
            f"""{OF_LANES} WHERE command.partner = ? AND command.due_at <= ? AND lane.owner = ?
                ORDER BY command.due_at, command.turn LIMIT ?""",
            partner,
            tx.now,
            worker,
            limit + len(running),
        )
        found.extend([row for row in rows if row["uid"] not in running][:limit])
    ahead = await tx.rows(
        """SELECT command.due_at FROM command JOIN lane ON lane.id = command.lane
           WHERE command.due_at > ? AND lane.owner = ? ORDER BY command.due_at LIMIT 1""",
        tx.now,
        worker,
    )
    work, unknown = await _complete(tx, worker, found)
    return Claim(
        work=work,
        unknown=unknown,
        next_in=(ahead[0]["due_at"] - tx.now) / SECOND if ahead else None,
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
    free, values = not_held(await pauses(tx))
    rows = await tx.rows(
        f"""SELECT count(*) AS n FROM (SELECT 1 FROM command JOIN lane ON lane.id = command.lane
           WHERE command.due_at <= ? AND lane.owner = ? AND {free} LIMIT ?) AS due""",
        tx.now,
        worker,
        *values,
        limit,
    )
    return int(rows[0]["n"])


async def subject(tx: Transaction, worker: str, uid: str) -> Work | UnknownRow | None:
    """A command in any state. None if it is unknown, its bytes are forgotten, or another worker owns its lane."""
    rows = await tx.rows(
        f"{OF_LANES} WHERE command.uid = ? AND lane.owner = ? AND command.pruned_at IS NULL", uid, worker
    )
    work, unknown = await _complete(tx, worker, rows)
    return work[0] if work else unknown[0] if unknown else None


async def _complete(tx: Transaction, worker: str, rows: Sequence[Row]) -> tuple[list[Work], list[UnknownRow]]:
    """Add to commands their steps, their counts of answers, and the effects that other commands of the lane left open.

    The commands that this azplan does not understand are returned apart.
    """
    if not rows:
        return [], []
    uids = [row["uid"] for row in rows]
    held = await pauses(tx)
    earlier = await _earlier(tx, sorted({row["lane"] for row in rows}))
    steps, unread = await _steps(tx, uids + [item.uid for items in earlier.values() for item in items])
    answers = await _answers(tx, uids)
    work: list[Work] = []
    unknown: list[UnknownRow] = []
    for row in rows:
        its = [item for item in earlier[row["lane"]] if item.uid != row["uid"]]
        looked_at = (row["uid"], *(item.uid for item in its))
        whys = [why_not(row), *(unread.get(uid) or why_not_steps(steps[uid]) for uid in looked_at)]
        owner = Owner(worker, row["epoch"])
        if why := next(filter(None, whys), None):
            unknown.append(UnknownRow(row["uid"], row["lane"], owner, row["revision"], why))
        else:
            found = [Earlier(item.key, item.uid, item.command_id, steps[item.uid]) for item in its]
            work.append(_work(row, owner, steps[row["uid"]], answers[row["uid"]], found, held))
    return work, unknown


def _work(
    row: Row,
    owner: Owner,
    steps: Mapping[str, Step],
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
        steps=dict(steps),
        answers=answers,
        earlier=tuple(earlier),
        revision=row["revision"],
        state=State(row["state"]),
        code=row["code"],
        paused=held_by(held, row),
        resolution=Resolution(row["resolution"]) if row["resolution"] else None,
        account=account(row),
    )


async def _answers(tx: Transaction, uids: Sequence[str]) -> Mapping[str, dict[str, int]]:
    """How many answers came to each request of these commands, by command and key of the request."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await tx.rows(
        f"SELECT uid, request, count(*) AS n FROM call WHERE {tx.among('uid')} AND answered = 1 GROUP BY uid, request",
        uids,
    ):
        found[row["uid"]][row["request"]] = row["n"]
    return found


async def _earlier(tx: Transaction, lanes: Sequence[str]) -> Mapping[str, list[Earlier]]:
    """The effects that commands of these lanes left open, by lane."""
    found: dict[str, list[Earlier]] = defaultdict(list)
    for row in await tx.rows(
        f"""SELECT effect.lane AS lane, effect.key AS key, effect.uid AS uid, command.id AS id
            FROM effect JOIN command ON command.uid = effect.uid WHERE {tx.among("effect.lane")}""",
        lanes,
    ):
        found[row["lane"]].append(Earlier(row["key"], row["uid"], row["id"], {}))
    return found


async def steps_of(tx: Transaction, uids: Sequence[str]) -> Mapping[str, dict[str, Step]]:
    """The steps of these commands, by command and name, without the steps that cannot be read."""
    return (await _steps(tx, uids))[0]


async def _steps(tx: Transaction, uids: Sequence[str]) -> tuple[Mapping[str, dict[str, Step]], Mapping[str, str]]:
    """The readable steps of these commands, by command and name; and why a step cannot be read, by command."""
    found: dict[str, dict[str, Step]] = defaultdict(dict)
    unread: dict[str, str] = {}
    for row in await tx.rows(f"SELECT * FROM step WHERE {tx.among('uid')} ORDER BY at, name", list(uids)):
        try:
            found[row["uid"]][row["name"]] = step(row)
        except ValueError:
            unread[row["uid"]] = f"its step {row['name']} cannot be read"
    return found, unread
