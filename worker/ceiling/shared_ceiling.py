"""One request ceiling that several processes share: what still counts, and how many slots a process is granted. Pure.

A process holds slots under the ceiling: each is in its hand, or under way with a request. A request that was answered
is used: it counts until `SPAN` after its answer. At each exchange a process states all of this, and the statement takes
the place of its last one. What it states, and what it is granted, counts against the ceiling until its next statement.
Between two exchanges a process only moves slots from hand to way and from there to used; so what counts is never less
than what was sent.

A lease ends if its process is silent. Each of its slots may have been used at the last moment, by a request as long as
any: it counts `SPAN` longer than that. Instants are the database's. A process states ages, which its own clock
measures, so clocks that are apart do no harm.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

SPAN = 60.0
"""Seconds. The ceiling holds in any span of this length, not only in spans that begin on the minute."""
LEASE = 30.0
"""Seconds after a statement in which its process may use its slots. Several heartbeats, so that a late one costs
nothing."""
LONGEST_HOLD = 3_600.0
"""Seconds. A hold that is noted for longer stems from a clock that was set back."""
PLENTY = 16
"""A process is granted slots in reserve only up to this part of the slots that nobody wants now."""
LATELY = 2.0
"""Seconds for which what a process wanted at its last exchange is set aside for it."""

Instant = int
"""Microseconds since 1970, by the database's clock."""

SECOND: Instant = 1_000_000
BUCKET: Instant = 250_000
"""Microseconds. Ends of use are rounded up to a multiple of this, so that a ceiling is one short row."""


@dataclass(frozen=True, slots=True)
class Statement:
    """All that a process says about its slots under one ceiling."""

    limit: int
    """The height of the ceiling, as this process knows it."""
    held: int
    """Slots in hand or under way."""
    used: Sequence[tuple[float, int]] = ()
    """Seconds since answers came, and the number of answers; none for an answer older than `SPAN`."""
    wanted: int = 0
    """Slots that would be used at once."""
    spare: int = 0
    """Further slots that would save the next exchange."""
    hold: float = 0.0
    """Seconds for which Partner Center asked everybody to stay away."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to a statement."""

    slots: int
    """Slots that the process has in hand from now on, beside those that it has stated."""
    hold: float = 0.0
    """Seconds in which nobody may send."""
    others: int = 0
    """Slots of all other processes that count now."""
    reserve: int = 0
    """Slots that the process may keep in reserve: nobody wants them now."""
    room: int = 0
    """Slots that are free beside, and that this process may expect if it asks for them."""
    coming: Sequence[tuple[float, int]] = ()
    """When slots will come free for this process: seconds from now, and how many more."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a process promises about its requests. `longest`: seconds from a departure to the end of the answer."""

    longest: float
    lease: float = LEASE


@dataclass(frozen=True, slots=True)
class Holder:
    """The last statement of one process."""

    until: Instant
    """The end of its lease."""
    gone: Instant
    """When nothing counts any more that was sent under the lease."""
    limit: int
    held: int
    wanted: int = 0
    at: Instant = 0
    used: Mapping[int, int] = field(default_factory=dict)
    """How many slots stop counting at the end of which bucket, by the number of the bucket since 1970."""

    @property
    def counted(self) -> int:
        """Its slots that count against the ceiling."""
        return self.held + sum(self.used.values())


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One ceiling as all processes see it."""

    holders: Mapping[str, Holder] = field(default_factory=dict)
    hold_until: Instant = 0


def exchange(ceiling: Ceiling, holder: str, said: Statement, terms: Terms, now: Instant) -> tuple[Ceiling, Grant]:
    """Take a statement, and grant slots: the ceiling as it stands then, and the answer."""
    others = {name: aged for name, each in ceiling.holders.items() if name != holder and (aged := _aged(each, now))}
    mine = _stated(said, terms, now)
    hold_until = max(min(ceiling.hold_until, now + _micros(LONGEST_HOLD)), now + _micros(said.hold))
    living = [each for each in others.values() if each.until > now]
    rivals = sum(each.wanted for each in living if each.at > now - _micros(LATELY))
    elsewhere = sum(each.counted for each in others.values())
    limit = min([said.limit, *(each.limit for each in living)])
    room = limit - elsewhere - mine.counted
    reserve = max(room - said.wanted - rivals, 0) // PLENTY
    held = hold_until > now
    slots = 0 if held else granted(room, said.wanted, rivals) + min(said.spare, reserve)
    mine = replace(mine, held=mine.held + slots, wanted=max(said.wanted - slots, 0))
    holders = {**others, holder: mine} if mine.counted or mine.wanted else others
    share = max(said.wanted, 1) / (max(said.wanted, 1) + rivals)
    grant = Grant(
        slots=slots,
        hold=max(hold_until - now, 0) / SECOND,
        others=elsewhere,
        reserve=reserve,
        room=int(max(room - slots, 0) * share),
        coming=_coming(holders.values(), share, now),
    )
    return Ceiling(holders, hold_until if held else 0), grant


def granted(room: int, wanted: int, rivals: int) -> int:
    """How many slots of `room` a process gets that wants so many, beside others that want `rivals` slots.

    Nobody gets more than its part of what is wanted, but each gets one.
    """
    if room <= 0:
        return 0
    return min(wanted, room if wanted + rivals <= room else max(1, room * wanted // (wanted + rivals)))


def _stated(said: Statement, terms: Terms, now: Instant) -> Holder:
    used: Counter[int] = Counter()
    for age, number in said.used:
        ends = now + _micros(SPAN - age)
        if ends > now:
            used[_bucket(ends)] += number
    until = now + _micros(terms.lease)
    gone = until + _micros(terms.longest + SPAN)
    return Holder(until, gone, said.limit, said.held, said.wanted, now, used)


def _aged(holder: Holder, now: Instant) -> Holder | None:
    """What still counts of a holder. None if nothing does.

    No instant is later than a statement of now could name: the database's clock may have been set back.
    """
    latest = _bucket(now + _micros(SPAN))
    lease, gone = holder.until - holder.at, holder.gone - holder.at
    at = min(holder.at, now)
    until, gone = at + lease, at + gone
    used: Counter[int] = Counter()
    for bucket, number in holder.used.items():
        if bucket * BUCKET > now:
            used[min(bucket, latest)] += number
    held = holder.held if gone > now else 0
    if not held and not used:
        return None
    return replace(
        holder, until=until, gone=gone, at=at, held=held, wanted=holder.wanted if until > now else 0, used=used
    )


def _coming(holders: Iterable[Holder], share: float, now: Instant) -> list[tuple[float, int]]:
    """When used slots come free, and those of the silent; a `share` of them is this process's."""
    free: Counter[int] = Counter()
    for each in holders:
        free.update(each.used)
        if each.until <= now and each.held:
            free[_bucket(each.gone)] += each.held
    found, total, given = [], 0, 0
    for bucket in sorted(free):
        total += free[bucket]
        mine = int(total * share + 0.5) - given
        if mine > 0:
            found.append((max(bucket * BUCKET - now, 0) / SECOND, mine))
            given += mine
    return found


def _bucket(ends: Instant) -> int:
    """The bucket at whose end, the first one after `ends`, a slot stops counting.

    `ends` is exact to a microsecond, so an end at the limit of a bucket may be an instant later.
    """
    return ends // BUCKET + 1


def _micros(seconds: float) -> Instant:
    return round(seconds * SECOND)
