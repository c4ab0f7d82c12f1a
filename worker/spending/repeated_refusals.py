"""Refusals without an error of Partner Center in them. Each may be a gateway's, and counts only when it comes again."""

from worker.handling import Context

BEFORE_A_REPORT_IS_SHORT = 3
"""Runs that meet such an answer before a report does without what they ask for."""
BEFORE_PAGES_ARE_OVER = 5
"""Runs that meet such an answer before pages count as ended: the command may end with that."""


def came_again(ctx: Context, what: str, times: int) -> bool:
    """Whether this run is the one of this number, or a later one, that meets such an answer about `what`."""
    met = ctx.known[f"foreign {what}"] = int(ctx.known.get(f"foreign {what}", 0)) + 1
    return met >= times
