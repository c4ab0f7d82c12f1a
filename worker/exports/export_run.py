"""A run of ExportInvoiceLines: its datasets one after another, and when the command looks again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from events.codes import RejectedCode, WaitingReason
from events.messages.command_status import PartnerCenterError
from events.messages.invoice_lines import ExportedDataset, ExportInvoiceLines, duration_of
from worker import metrics
from worker.clock import duration_micros, micros
from worker.errors import Broken, Failed, Rejected, Wait
from worker.exports.accounts.costs import HELD, Costs, CostsRun, datasets_of_costs
from worker.exports.datasets import AskedDataset
from worker.exports.decisions import DATA_GROWTH, Later
from worker.exports.graph_export import GraphExport
from worker.exports.page_export import PageExport
from worker.exports.publishing import AGAIN, already_there, begin_again
from worker.exports.standing import Limits
from worker.exports.version import with_unwritten
from worker.files.layout import Dataset
from worker.handling import Context
from worker.journal.records import SECOND, Json, Micros
from worker.partner_center.errors import CallError, GateClosed
from worker.partner_center.resources.line_ways import GRAPH

TURN = 20.0
"""Seconds after which a run begins no more blob: then the exports of other commands have their turn."""
UNBILLED_DATA = 6 * 3_600.0
"""Seconds at most until Microsoft has the lines of a month without an invoice."""
INCOMPLETE_SINCE = "incomplete since"
"""The name in `Context.known` of the instant at which usage was found incomplete for the first time."""


class HeldByAnother(Exception):
    """Another command exports the dataset. A command that waits for one holds none that comes after it."""


@dataclass(slots=True)
class ExportRun:
    """One run of one command."""

    ctx: Context
    command: ExportInvoiceLines
    done: dict[str, ExportedDataset] = field(default_factory=dict)
    waits: list[Later] = field(default_factory=list)
    errors: list[Failed | CallError | Broken] = field(default_factory=list)
    missing: dict[str, Rejected] = field(default_factory=dict)
    """Lines whose pages answer no more, with the refusal of a command that wants nothing else."""
    young: set[str] = field(default_factory=set)
    """Lines for which Microsoft was not asked: a version was young enough for the command."""
    shared: set[str] = field(default_factory=set)
    """Lines that another command published while this one waited for it."""

    async def recent(self, asked: Sequence[AskedDataset]) -> list[ExportedDataset] | None:
        """Every dataset of the command, if a version of each is young enough: nothing is asked of Microsoft then."""
        found = [(each, await self._recent(each)) for each in asked]
        known = [with_unwritten(told, each.formats) for each, told in found if told is not None]
        return known if len(known) == len(asked) else None

    async def exported(self, asked: Sequence[AskedDataset]) -> list[ExportedDataset]:
        """Every dataset of the command. Raises `Wait` until all of them are published.

        Raises `Rejected` (`deadline_passed`) where the command's deadline ends its waiting, and (`not_available`) where
        no pages answer any more and no other lines are there. What fails for one dataset is raised when the others have
        had their turn.
        """
        until = asyncio.get_running_loop().time() + TURN
        await self._each(asked, until)
        if self.errors and not all(isinstance(error, Failed) for error in self.errors) and self._late():
            raise too_late(self.command.deadline)
        if self.errors:
            raise next((error for error in self.errors if isinstance(error, Failed)), self.errors[0])
        if self.waits:
            if self._late():
                raise too_late(self.command.deadline)
            raise wait_of(self.waits, self.ctx.instant())
        if self.missing:
            await self._fill(asked)
        return [with_unwritten(self.done[each.lines], each.formats) for each in asked]

    async def _each(self, asked: Sequence[AskedDataset], until: float) -> None:
        """Every dataset has its turn. What stands in its way is kept; a closed gate and other refusals are raised."""
        for number, each in enumerate(asked):
            later = [*(one.dataset for one in asked[number + 1 :]), *datasets_of_costs(asked)]
            try:
                await self._one(each, later, until)
            except HeldByAnother:
                break
            except GateClosed:
                raise
            except Rejected as no:
                if no.code is not RejectedCode.NOT_AVAILABLE:
                    raise
                self.missing[each.lines] = no
                self.ctx.known[f"missing {each.dataset.path}"] = kept_refusal(no)
            except (Failed, CallError, Broken) as error:
                self.errors.append(error)
                if isinstance(error, Failed):
                    metrics.EXPORTS.labels(self.ctx.center.account, each.lines, each.way.name, error.code).inc()

    async def costs(self, asked: Sequence[AskedDataset], answered: Sequence[ExportedDataset]) -> Costs:
        """The comparison and the FOCUS dataset of published lines.

        Raises `Wait` where Microsoft's usage is incomplete: the lines are exported again, until it is complete or the
        time for that is over. What azplan did not ask Microsoft for now is not waited for.
        """
        turn: int = self.ctx.known.get(AGAIN, 1)
        empty = {each.lines for each in answered if each.lines in self.missing and not each.rows}
        there = [each for each in asked if each.lines not in empty]
        made = await CostsRun(self.ctx, self.command, frozenset(self.young), turn).made(there, answered)
        if not made.incomplete or self.young:
            return made
        known, limits, now = self.ctx.known, limits_of(self.ctx, self.command), self.ctx.instant()
        left = (known.setdefault(INCOMPLETE_SINCE, now) - now) / SECOND + limits.data
        if left <= 0 or self._late():
            return made
        pause = min(limits.data_first * DATA_GROWTH ** min(turn - 1, 16), limits.data_max, left)
        at = now + duration_micros(pause)
        for each in asked:
            if each.lines in self.shared:
                del known[f"waits {each.dataset.path}"]  # Then this command exports the lines itself.
            else:
                await begin_again(self.ctx, each, at)
        known[AGAIN] = turn + 1
        detail = "Microsoft's usage lines are short of the invoice: they are exported again"
        raise wait_of([Later(at, WaitingReason.DATA_NOT_READY, detail)], now)

    async def _one(self, each: AskedDataset, later: Sequence[Dataset], until: float) -> None:
        found: ExportedDataset | Later | None = await self._recent(each)
        if found is None:
            await self._hold(each, later)
            found = await self._recent(each) or await self._advanced(each, until)
        if isinstance(found, Later):
            self.waits.append(found)
        else:
            self.done[each.lines] = found

    async def _fill(self, asked: Sequence[AskedDataset]) -> None:
        """Answer missing lines with a version without lines. Raises `Rejected` where there are no other lines."""
        if not any(each.rows or each.way == GRAPH.name for each in self.done.values()):
            raise next(iter(self.missing.values()))
        for each in asked:
            if each.lines in self.missing:
                pages = await PageExport.of(self.ctx, each)
                self.done[each.lines] = await pages.without_lines()

    async def _advanced(self, each: AskedDataset, until: float) -> ExportedDataset | Later:
        if each.way.name != GRAPH.name:
            if kept := self.ctx.known.get(f"missing {each.dataset.path}"):
                raise refusal_again(kept)
            pages = await PageExport.of(self.ctx, each)
            return await pages.advance()
        export = await GraphExport.of(self.ctx, each, limits_of(self.ctx, self.command), until)
        if export.asks_microsoft and self._late():
            raise too_late(self.command.deadline)
        return await export.advance()

    async def _recent(self, each: AskedDataset) -> ExportedDataset | None:
        """The latest version, if it is young enough for the command, or came while another command exported it."""
        path, now = each.dataset.path, self.ctx.instant()
        allowed = duration_of(self.command.max_age)
        since = self.ctx.known.get(f"waits {path}")
        young = now - duration_micros(allowed.total_seconds()) if allowed else None
        if since is None and young is None:
            return None
        latest = await self.ctx.files.latest(each.dataset)
        if latest is None:
            return None
        # The manifest says whole seconds.
        published = micros(latest.manifest.published_at) + SECOND
        if young is not None and published > young:
            self.young.add(each.lines)
        elif since is not None and published > since:
            self.shared.add(each.lines)
        else:
            return None
        return already_there(self.ctx, each, latest)

    async def _hold(self, each: AskedDataset, later: Sequence[Dataset]) -> None:
        """Make the dataset this command's. Raises `HeldByAnother`, and lets go of those after it then."""
        path, known = each.dataset.path, self.ctx.known
        if known.get(f"holds {path}"):
            return
        holder = await self.ctx.files.hold(each.dataset, later)
        now = self.ctx.instant()
        if holder is not None:
            for one in later:
                known.pop(f"holds {one.path}", None)
            known.setdefault(f"waits {path}", now)
            detail = f"command {holder} exports the same lines"
            self.waits.append(Later(now + duration_micros(HELD), WaitingReason.EXPORT_PREPARING, detail))
            raise HeldByAnother
        known[f"holds {path}"] = True

    def end_in_time(self, wait: Wait) -> None:
        """Let the wait end with the command's deadline. Raises `Rejected` (`deadline_passed`) if that has passed."""
        left = self._left()
        if left is not None and left <= 0:
            raise too_late(self.command.deadline)
        if left is not None:
            wait.delay = left if wait.delay is None else min(wait.delay, left)

    def _left(self) -> float | None:
        """Seconds until the command's deadline; None if it has none."""
        deadline = self.command.deadline
        return None if deadline is None else (deadline - self.ctx.now()).total_seconds()

    def _late(self) -> bool:
        left = self._left()
        return left is not None and left <= 0


def kept_refusal(no: Rejected) -> dict[str, Json]:
    """What the command remembers of the refusal `not_available`, for its later runs."""
    answer = no.partner_center
    return {"detail": no.detail, "advice": no.advice, "answer": answer.wire_data() if answer else None}


def refusal_again(kept: dict[str, Json] | str) -> Rejected:
    """The refusal that an earlier run met. An azplan before this one kept the detail alone."""
    told = {"detail": kept} if isinstance(kept, str) else kept
    answer = told.get("answer")
    return Rejected(
        RejectedCode.NOT_AVAILABLE,
        told["detail"],
        advice=told.get("advice"),
        partner_center=PartnerCenterError.model_validate(answer) if answer else None,
    )


def limits_of(ctx: Context, command: ExportInvoiceLines) -> Limits:
    """The settings that decide about this command's waits."""
    policy, data = ctx.policy, ctx.policy.deadlines["data"]
    return Limits(
        look_first=policy.pauses["export"][0],
        look_max=policy.pauses["export"][1],
        operation=policy.deadlines["export"],
        data_first=policy.pauses["data"][0],
        data_max=policy.pauses["data"][1],
        data=min(data, UNBILLED_DATA) if command.unbilled else data,
    )


def wait_of(waits: Sequence[Later], now: Micros) -> Wait:
    """The wait, beside the lane, until the first of these instants."""
    first = min(waits, key=lambda each: each.at)
    return Wait(first.reason, first.detail, delay=max(0.0, (first.at - now) / SECOND), release=True)


def too_late(deadline: datetime | None) -> Rejected:
    """The answer of a command whose deadline passed before its files were there."""
    passed = deadline.isoformat() if deadline is not None else "its deadline"
    return Rejected(RejectedCode.DEADLINE_PASSED, f"the lines were not exported when the deadline {passed} passed")
