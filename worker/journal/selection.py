"""A selection of commands: one value for every list and every change."""

from dataclasses import dataclass

from worker.journal.states import State


@dataclass(frozen=True, slots=True)
class Selection:
    """Commands that match every word that is given; a word that is None matches any command.

    `partner` is a partner account by its present name or a former one. `code` is the code that the command ended with,
    or the code of its dead letter. `open`: only open commands. `begin` and `end`, in microseconds since 1970: only
    commands received from `begin` to `end`, both included.
    """

    partner: str | None = None
    customer: str | None = None
    type: str | None = None
    state: State | None = None
    code: str | None = None
    reason: str | None = None
    uid: str | None = None
    open: bool = False
    begin: int | None = None
    end: int | None = None

    def holds(self, partner: str | None, customer: str | None, type: str) -> bool:  # noqa: A002 - the attribute's name
        """Whether a command of this partner, customer and type matches these three words of the selection."""
        wanted, given = (self.partner, self.customer, self.type), (partner, customer, type)
        return all(want is None or want == has for want, has in zip(wanted, given, strict=True))
