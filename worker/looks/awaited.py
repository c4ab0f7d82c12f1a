"""What a command waits for at Partner Center, as data: how long it usually takes before an account has shown better."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """One thing that shows at Partner Center some time after its cause. Stands beside its operation.

    `half` and `most` in seconds: by `half` one of two has shown, by `most` nine of ten. They are used until the account
    has shown its own times, and hold for the default of `AZPLAN_WAITS__MAX` (`worker.looks.next_look`).
    """

    name: str
    """The word under which the journal keeps the times of this wait. It never changes."""
    half: float
    most: float
    source: str
    """Where `half` and `most` come from."""
    after_write: bool = True
    """The wait begins with the last write of the command. False: with the first look that finds it open."""
    apart: float = 0.0
    """Seconds between two looks at least, for a look that costs more than a read."""
