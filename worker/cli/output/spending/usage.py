"""Usage and budgets as tables."""

from collections.abc import Sequence
from datetime import datetime

from events.messages.usage import UsageBudgetSet, UsageReported
from events.wire.text import counted
from worker.cli.output.console import say, show, show_wrapped
from worker.cli.output.spending.amounts import day_and_time, money, right, share, whole_percent
from worker.cli.output.tables import show_table
from worker.operators.sending.usage_reports import UsageRow

LABEL = 14
NAME = 20
"""Characters of a name in a table: the numbers beside it then fit a terminal of 80."""


def show_rows(thing: str, rows: Sequence[UsageRow], now: datetime) -> None:
    """A row for each customer, subscription, resource or meter. Columns without a value are left out."""
    if not rows:
        return
    nameable = thing == "subscription"  # its id is what --subscription takes, and the totals say as of when
    columns = [
        (thing, [short(row.name) for row in rows]),
        right("budget", [money(row.budget) for row in rows]),
        right("used", [money(row.total) for row in rows]),
        right("%", [share(row.percent) for row in rows]),
        right("forecast", [whole_percent(row.forecast) for row in rows]),
        ("as of", ["" if nameable else day_and_time(row.as_of, now) for row in rows]),
        ("", [row.currency for row in rows]),
        ("id", [row.id if nameable else "" for row in rows]),
    ]
    told = [each for each in columns if any(cell.strip() for cell in each[1])]
    show_table(
        [heading for heading, _ in told], [list(cells) for cells in zip(*(each[1] for each in told), strict=True)]
    )


def show_totals(answer: UsageReported) -> None:
    """The totals by currency, the period, and the budget where there is one."""
    for total in answer.totals:
        dollars = f" ({money(total.total_usd)} USD)" if total.total_usd is not None and total.currency != "USD" else ""
        _fact("total", f"{money(total.total)} {total.currency or total.currency_locale or ''}{dollars}")
    if not answer.has_usage:
        _fact("total", "no usage in this period")
    if answer.period_start is not None and answer.period_end is not None:
        _fact("period", f"{answer.period_start:%Y-%m-%d} to before {answer.period_end:%Y-%m-%d}")
    if answer.scope in ("customer", "subscriptions"):
        used = f", {share(answer.percent_used)} % used" if answer.percent_used is not None else ""
        _fact("budget", "none" if answer.budget is None else f"{money(answer.budget)}{used}")
    if (counts := answer.partner_summary) is not None:
        over, near = counts.customers_over_budget, counts.customers_trending_over
        told = [*([] if over is None else [counted(over, "customer")]), *([] if near is None else [f"{near} near it"])]
        _fact("over budget", ", ".join(told) or "not told by Microsoft")
    _fact("as of", f"{answer.as_of:%Y-%m-%d %H:%M} UTC")
    for file in answer.files:
        where = f"{file.rows} records as {file.format} are in {file.uri}"
        show_wrapped(where, indent=LABEL, start=f"{'file':<{LABEL}}")


def show_budget(answer: UsageBudgetSet) -> None:
    """What became of a budget."""
    was = "none" if answer.previous is None else money(answer.previous)
    now = "none" if answer.current is None else money(answer.current)
    if answer.already_set:
        show(f"{answer.customer_id}  budget {now}, as before")
    else:
        show(f"{answer.customer_id}  budget {now}, before {was}")


def say_how_many(number: int, thing: str) -> None:
    """How many rows there are in all."""
    say(f"{counted(number, thing)}.")


def _fact(name: str, text: str) -> None:
    show_wrapped(text, indent=LABEL, start=f"{name:<{LABEL}}")


def short(name: str) -> str:
    """The name as far as it fits a table."""
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"
