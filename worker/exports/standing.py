"""What is durable of the export of one dataset, and the settings that decide about its waits. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from events.codes import WaitingReason
from worker.journal.records import Micros


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that decide about waits. Seconds."""

    look_first: float
    look_max: float
    operation: float
    """How long one operation may take."""
    data_first: float
    data_max: float
    data: float
    """How long Microsoft may have no data."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is durable of the export of one dataset in one story."""

    location: str | None = None
    """Address of the present operation; None: none was asked for, or the last one is of no more use."""
    asked_at: Micros = 0
    looks: int = 0
    """Looks at the present operation that did not find its end."""
    next_at: Micros = 0
    """The instant before which Microsoft is not asked."""
    reason: WaitingReason = WaitingReason.EXPORT_PREPARING
    """Why the export waits until then."""
    detail: str = ""
    ran_out: int = 0
    """Operations that failed or did not end in time."""
    gone: int = 0
    no_data_since: Micros = 0
    no_data: int = 0
    """Operations in a row that had no data."""
    changed: int = 0
    """Times that the data changed under the download."""
    source: str | None = None
    """Which state of the data is downloaded (`identity_of`); None: not known yet."""
    blobs: int | None = None
    """How many blobs this state has; None: not known yet."""
    parts: frozenset[int] = frozenset()
    """Ordinals of the blobs that are stored."""
    unchanged: bool = False
    """The latest published version has this state of the data: there is nothing to download."""
    broken: Mapping[int, int] = field(default_factory=dict)
    """How often a blob could not be read, by its ordinal."""

    @property
    def missing(self) -> list[int]:
        """Ordinals of the blobs that are to be downloaded, in order."""
        return [ordinal for ordinal in range(self.blobs or 0) if ordinal not in self.parts]

    def redriven(self) -> "Standing":
        """The standing with which the next story of a command begins: what is stored stays, and nothing counts."""
        return Standing(source=self.source, blobs=self.blobs, parts=self.parts)

    def to_json(self) -> dict[str, Any]:
        """What the columns of the export's row do not hold."""
        return {
            "askedAt": self.asked_at,
            "looks": self.looks,
            "nextAt": self.next_at,
            "reason": str(self.reason),
            "detail": self.detail,
            "ranOut": self.ran_out,
            "gone": self.gone,
            "noDataSince": self.no_data_since,
            "noData": self.no_data,
            "source": self.source,
            "blobs": self.blobs,
            "unchanged": self.unchanged,
            "broken": {str(ordinal): times for ordinal, times in self.broken.items()},
        }

    @classmethod
    def of(cls, details: Mapping[str, Any], *, location: str | None, changed: int, parts: frozenset[int]) -> "Standing":
        """The standing in the journal's row of an export."""
        known = {
            "asked_at": details.get("askedAt", 0),
            "looks": details.get("looks", 0),
            "next_at": details.get("nextAt", 0),
            "reason": reason_of(details.get("reason")),
            "detail": details.get("detail", ""),
            "ran_out": details.get("ranOut", 0),
            "gone": details.get("gone", 0),
            "no_data_since": details.get("noDataSince", 0),
            "no_data": details.get("noData", 0),
            "source": details.get("source"),
            "blobs": details.get("blobs"),
            "unchanged": details.get("unchanged", False),
            "broken": {int(ordinal): times for ordinal, times in details.get("broken", {}).items()},
        }
        return cls(location=location, changed=changed, parts=parts, **known)


def reason_of(word: str | None) -> WaitingReason:
    """The reason of this word; the usual one for a word that this azplan does not know."""
    return next((each for each in WaitingReason if each == word), WaitingReason.EXPORT_PREPARING)
