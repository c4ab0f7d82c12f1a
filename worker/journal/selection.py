"""Which commands a person means, in one value for every list and every change."""

from dataclasses import dataclass

from worker.journal.states import State


@dataclass(frozen=True, slots=True)
class Selection:
    """Commands that match every word that is given; a word that is None matches any command.

    `partner` is a partner account by its present name, or by one that it had before. `code` is the code that the
    command ended with, or that its dead letter has. `open`: only commands that are not over. `begin` and `end`, in
    microseconds since 1970: only commands received at the one or later, and at the other or earlier.
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
        """Whether a command of this partner, customer and type is selected, as far as these three words tell."""
        wanted, given = (self.partner, self.customer, self.type), (partner, customer, type)
        return all(want is None or want == has for want, has in zip(wanted, given, strict=True))
