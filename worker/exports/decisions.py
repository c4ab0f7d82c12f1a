"""What the export of one dataset does next: decided from its standing and from a look at Microsoft's operation. Pure.

An operation of Microsoft's makes the export and takes minutes. What is durable of it: its address, then its manifest,
then one part for each blob. A crash costs the blob under way and one look.
"""

from dataclasses import dataclass, replace
from typing import Literal

from events.codes import FailedCode, WaitingReason
from events.messages.command_status import PartnerCenterError
from worker.clock import duration_micros
from worker.exports.standing import Limits, Standing
from worker.journal.records import Micros

MOST_OPERATIONS = 3
"""Operations that fail, or do not end in time, before the export fails."""
MOST_GONE = 10
"""Operations that Microsoft forgets before the export fails: each was asked for again at once."""
MOST_CHANGES = 3
"""Times that Microsoft replaces the data under a download before the export fails."""
MOST_BROKEN = 2
"""Downloads of one blob that cannot be read before the export fails."""
NO_DATA = "5000"
"""The code of an operation that failed because Microsoft has no such data, or not yet."""
MANIFEST = -1
"""In place of a blob's ordinal: the manifest itself."""
LOOK_GROWTH, DATA_GROWTH = 1.5, 2.0
MOST_GROWTH = 64
SHORTEST_LOOK = 1.0
"""Seconds between two looks at least, whatever the operation's Retry-After says."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask Microsoft for an export."""


@dataclass(frozen=True, slots=True)
class Look:
    """Look at the operation."""


@dataclass(frozen=True, slots=True)
class Later:
    """Wait until this instant."""

    at: Micros
    reason: WaitingReason
    detail: str


@dataclass(frozen=True, slots=True)
class Download:
    """Download these blobs."""

    ordinals: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """Drop the stored parts: they are of another state of the data. Then download."""


@dataclass(frozen=True, slots=True)
class Publish:
    """Every part is stored: publish the version."""


@dataclass(frozen=True, slots=True)
class Already:
    """The latest published version has this state of the data: it is the answer."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The export fails."""

    code: FailedCode
    detail: str
    answer: PartnerCenterError | None = None
    """The answer of Microsoft's with which the export fails. None if no answer says why."""


Action = Ask | Look | Later | Download | Drop | Publish | Already | GiveUp


@dataclass(frozen=True, slots=True)
class Seen:
    """A look at the operation. `gone`: Microsoft has forgotten it."""

    status: Literal["running", "succeeded", "failed", "gone"]
    retry_after: float | None = None
    code: str | None = None
    message: str | None = None
    source: str | None = None
    """With `succeeded`: which state of the data it has (`identity_of`)."""
    blobs: int = 0
    counted: int | None = None
    """How many blobs there are by the manifest's own count; None if it does not count them."""
    answer: PartnerCenterError | None = None
    """The answer that the look got, for a support ticket."""


def begins(standing: Standing, now: Micros) -> Action:
    """What a run does first with this export."""
    if standing.unchanged:
        return Already()
    if standing.blobs is not None and not standing.missing:
        return Publish()
    if standing.next_at > now:
        return Later(standing.next_at, standing.reason, standing.detail)
    return Ask() if standing.location is None else Look()


def asked(standing: Standing, location: str, now: Micros, limits: Limits, retry_after: float | None = None) -> Standing:
    """The standing when Microsoft has taken the request for an export, and says when to look, or does not."""
    pause = limits.look_first if retry_after is None else max(SHORTEST_LOOK, retry_after)
    return replace(
        standing,
        location=location,
        asked_at=now,
        looks=0,
        next_at=now + duration_micros(min(pause, limits.operation)),
        reason=_reason(standing),
        detail="Microsoft is preparing the export",
    )


def after_look(
    standing: Standing, seen: Seen, now: Micros, limits: Limits, *, published: str | None = None
) -> tuple[Standing, Action]:
    """The standing after a look at the operation, and what to do.

    `published`: the state of the data of the latest published version, where an equal one is trusted to be the same.
    """
    match seen.status:
        case "running":
            return _running(standing, seen, now, limits)
        case "failed" if seen.code == NO_DATA:
            return _no_data(standing, seen, now, limits)
        case "failed":
            why = " ".join(filter(None, (seen.code, seen.message))) or "Microsoft gives no reason"
            return _ran_out(standing, f"Microsoft failed the export: {why}", seen, now, limits)
        case "gone":
            return _gone(standing, seen)
        case "succeeded" if seen.counted not in (None, seen.blobs):
            return _miscounted(standing, seen, now, limits)
        case "succeeded":
            return _succeeded(standing, seen, published)


def unreadable(
    standing: Standing, ordinal: int, why: str, answer: PartnerCenterError | None = None
) -> tuple[Standing, Action]:
    """The standing after a downloaded blob could not be read, and what to do. `answer`: what was answered instead."""
    times = standing.broken.get(ordinal, 0) + 1
    told = replace(standing, broken={**standing.broken, ordinal: times})
    if times >= MOST_BROKEN:
        return told, GiveUp(FailedCode.SOURCE_UNREADABLE, f"{why}, also when it was downloaded again", answer)
    return told, Download((ordinal,))


def _running(standing: Standing, seen: Seen, now: Micros, limits: Limits) -> tuple[Standing, Action]:
    ends = standing.asked_at + duration_micros(limits.operation)
    if now >= ends:
        return _ran_out(standing, f"the export did not end in {limits.operation:g} s", seen, now, limits)
    grown = min(limits.look_max, limits.look_first * LOOK_GROWTH ** min(standing.looks, MOST_GROWTH))
    delay = grown if seen.retry_after is None else max(SHORTEST_LOOK, seen.retry_after)
    told = replace(standing, looks=standing.looks + 1)
    return _later(told, min(now + duration_micros(delay), ends), "Microsoft is preparing the export")


def _no_data(standing: Standing, seen: Seen, now: Micros, limits: Limits) -> tuple[Standing, Action]:
    since = standing.no_data_since or now
    ends = since + duration_micros(limits.data)
    detail = f"Microsoft has no such lines yet: {seen.message or NO_DATA}"
    if now >= ends:
        ended = f"{detail}; this did not change in {limits.data:g} s"
        return standing, GiveUp(FailedCode.DATA_NOT_READY, ended, seen.answer)
    delay = min(limits.data_max, limits.data_first * DATA_GROWTH ** min(standing.no_data, MOST_GROWTH))
    told = replace(standing, location=None, no_data_since=since, no_data=standing.no_data + 1)
    return _later(told, min(now + duration_micros(delay), ends), detail)


def _ran_out(standing: Standing, why: str, seen: Seen, now: Micros, limits: Limits) -> tuple[Standing, Action]:
    """An operation is of no use: ask for another one, three in all."""
    told = replace(standing, location=None, ran_out=standing.ran_out + 1)
    if told.ran_out >= MOST_OPERATIONS:
        ended = f"{why}; so did {MOST_OPERATIONS - 1} exports before it"
        return told, GiveUp(FailedCode.EXPORT_FAILED, ended, seen.answer)
    grown = min(limits.look_max, limits.look_first * LOOK_GROWTH ** min(told.ran_out - 1, MOST_GROWTH))
    return _later(told, now + duration_micros(grown), f"{why}; azplan asks for another one")


def _gone(standing: Standing, seen: Seen) -> tuple[Standing, Action]:
    told = replace(standing, location=None, gone=standing.gone + 1)
    if told.gone >= MOST_GONE:
        detail = f"Microsoft forgot {told.gone} exports before they were read"
        return told, GiveUp(FailedCode.EXPORT_FAILED, detail, seen.answer)
    return told, Ask()


def _miscounted(standing: Standing, seen: Seen, now: Micros, limits: Limits) -> tuple[Standing, Action]:
    """A manifest that does not name all of its blobs, or too many: nobody knows what is missing. Read it once more."""
    why = f"the manifest names {seen.blobs} blobs and counts {seen.counted}"
    told, action = unreadable(standing, MANIFEST, why, seen.answer)
    if isinstance(action, GiveUp):
        return told, replace(action, detail=f"{why}, also when it was read again")
    return _later(told, now + duration_micros(limits.look_first), why)


def _succeeded(standing: Standing, seen: Seen, published: str | None) -> tuple[Standing, Action]:
    fresh = standing.source is None
    told = replace(standing, source=seen.source, blobs=seen.blobs, no_data_since=0, no_data=0, next_at=0)
    if fresh:
        if published is not None and published == seen.source:
            return replace(told, unchanged=True), Already()
        return told, _download(told)
    if seen.source == standing.source and seen.blobs == standing.blobs:
        return told, _download(told)
    told = replace(told, changed=standing.changed + 1, parts=frozenset(), broken={})
    if told.changed >= MOST_CHANGES:
        detail = f"Microsoft replaced the data under the download {told.changed} times"
        return told, GiveUp(FailedCode.SOURCE_CHANGED, detail, seen.answer)
    return told, Drop()


def _download(standing: Standing) -> Action:
    return Download(tuple(standing.missing)) if standing.missing else Publish()


def _later(standing: Standing, at: Micros, detail: str) -> tuple[Standing, Action]:
    told = replace(standing, next_at=at, reason=_reason(standing), detail=detail)
    return told, Later(at, told.reason, detail)


def _reason(standing: Standing) -> WaitingReason:
    """What the export waits for. An operation after one that had no data may have none either."""
    return WaitingReason.DATA_NOT_READY if standing.no_data else WaitingReason.EXPORT_PREPARING
