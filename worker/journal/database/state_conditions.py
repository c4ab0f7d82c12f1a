"""Conditions on the state of a command's row or of a lane's, written once for all statements."""

from worker.journal.states import State


def _listed(states: list[State]) -> str:
    return "(" + ", ".join(f"'{state.value}'" for state in states) + ")"


OPEN = f"state IN {_listed([state for state in State if state.is_open])}"
"""The story of the command has no terminal event. The partial indexes of open commands have this condition."""

ENDED = f"state IN {_listed([state for state in State if not state.is_open])}"
"""The story of the command has its terminal event."""

UNKNOWN_STATE = f"state NOT IN {_listed(list(State))}"
"""Only a newer azplan knows the state of the command. The index `command_foreign` has this condition."""

OWN_LANE = "lane.owner = ? AND lane.unfinished = 1"
"""The lane belongs to a worker, and something is still to be done in it: a due command, an unsent event, a request. The
partial indexes of unfinished lanes have this condition."""
