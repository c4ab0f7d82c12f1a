"""How a destination of files fails: for a while, or until a person changes something.

Both pass through a handler and end its run: one is a wait, the other a failure. Neither text holds a secret.
"""

from events.codes import FailedCode, WaitingReason
from worker.errors import Failed, Wait

ADVICE = (
    "Look at AZPLAN_FILES__URL and at the destination itself: `azplan check` tries to create, read and delete a file "
    "there. Then redrive the command."
)


class DestinationUnavailable(Wait):
    """The destination does not answer, or has no room. The command looks again later and fails after the deadline."""

    def __init__(self, detail: str) -> None:
        late = f"{detail}; this did not change before the wait ended"
        ended = Failed(FailedCode.FILES_UNAVAILABLE, late, advice=ADVICE)
        super().__init__(WaitingReason.FILES_UNAVAILABLE, detail, limited=True, give_up=ended, release=True)


class DestinationRefused(Failed):
    """The destination refuses, and goes on refusing until a person does what `advice` says."""

    def __init__(self, detail: str, advice: str = ADVICE) -> None:
        super().__init__(FailedCode.FILES_UNAVAILABLE, detail, advice=advice)


class OtherVersion(Failed):
    """A version stands at the destination with another content than the journal's. Nothing was overwritten."""

    def __init__(self, uri: str) -> None:
        detail = f"{uri} is there with another content than this version has; nothing was overwritten"
        advice = "Keep the file for an inspection, move it out of the version's folder, and redrive the command."
        super().__init__(FailedCode.INTERNAL_ERROR, detail, advice=advice)
