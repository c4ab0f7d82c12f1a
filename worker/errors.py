"""The exceptions that end a run of a command, and the journal's errors.

WorkerError
├── Rejected        the answer is no; sending the command again unchanged gives no again
├── Failed          the worker gives up; a person may redrive
├── Wait            not now: look again later
├── Validated       the command only asks what would be done; nothing was changed
├── Broken          a part of azplan ended without an answer: the run is made again, a few times
├── AttemptsSpent   the next step would exceed the number of attempts
├── LaneLost        another worker owns the lane now; this run ends without an event
└── JournalError
    ├── JournalUnavailable   the database does not answer; nothing is known about the last write
    └── JournalRefused       this journal cannot be used as it is; the message says what to do
        └── JournalMissing   the journal does not exist yet

Handlers raise the first three, and the client's errors pass through them; `worker.runtime.outcome` judges each.
"""

from collections.abc import Sequence

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.command_status import Blocker, PartnerCenterError
from worker.looks.awaited import Awaited

SILENT_JOURNAL = "the journal's database does not answer, or takes no writes"
FULL_DISK = "the disk that holds the journal is full: make room; the worker goes on by itself"


class WorkerError(Exception):
    """Base of all errors of the worker."""


class Rejected(WorkerError):
    """The answer is no. `detail` names what was found, and anything that was changed at Microsoft before."""

    def __init__(
        self,
        code: RejectedCode,
        detail: str,
        *,
        advice: str | None = None,
        blockers: Sequence[Blocker] = (),
        partner_center: PartnerCenterError | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.advice = advice
        self.blockers = tuple(blockers)
        self.partner_center = partner_center


class Failed(WorkerError):
    """The worker gives up. `ended`: Microsoft itself ended the effect, and a redrive may begin it again."""

    def __init__(
        self,
        code: FailedCode,
        detail: str,
        *,
        advice: str | None = None,
        blockers: Sequence[Blocker] = (),
        partner_center: PartnerCenterError | None = None,
        ended: bool = False,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.advice = advice
        self.blockers = tuple(blockers)
        self.partner_center = partner_center
        self.ended = ended


class Wait(WorkerError):
    """Look again later.

    `delay` in seconds. If it is None, the next look follows the times of `awaits`; without either, the interval between
    looks grows. A `limited` wait ends with the deadline of its reason; `give_up` is then the answer. A wait with
    `release` frees the lane for the customer's next command.
    """

    def __init__(
        self,
        reason: WaitingReason,
        detail: str,
        *,
        awaits: Awaited | None = None,
        delay: float | None = None,
        limited: bool = False,
        give_up: Failed | None = None,
        release: bool = False,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.awaits = awaits
        self.delay = delay
        self.limited = limited
        self.give_up = give_up
        self.release = release


class Validated(WorkerError):
    """The command only asks: `would_do` are plain sentences, one for each change that would be made."""

    def __init__(self, would_do: Sequence[str]) -> None:
        super().__init__("; ".join(would_do))
        self.would_do = tuple(would_do)


class Broken(WorkerError):
    """A part of azplan ended without an answer. The run is made again, a few times.

    The text may hold last words and is for the log. `plain` is a sentence that anybody may read.
    """

    def __init__(self, text: str, *, plain: str) -> None:
        super().__init__(text)
        self.plain = plain


class AttemptsSpent(WorkerError):
    """A write was tried as often as the settings allow. It is not tried again."""


class LaneLost(WorkerError):
    """The lane has another owner. This worker sends and writes nothing more for the lane."""


class JournalError(WorkerError):
    """Base of the journal's errors."""


class JournalUnavailable(JournalError):
    """The database does not answer. Whether it made the last write is not known until the journal is read again.

    The text may hold the database's own words and is for the log. `plain` is a sentence that anybody may read.
    """

    def __init__(self, text: str, *, plain: str = SILENT_JOURNAL) -> None:
        super().__init__(text)
        self.plain = plain


class JournalRefused(JournalError):
    """This journal cannot be used as it is. The message says why and what to do."""


class JournalMissing(JournalRefused):
    """The journal does not exist yet: no worker has ever started with it."""
