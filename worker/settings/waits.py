"""The settings of waits: how often a waiting command looks, and until when."""

from datetime import timedelta

from pydantic import Field

from worker.settings.section import Section
from worker.settings.values import Duration

DEADLINE = "_deadline"
"""The end of the names of the settings that end a limited wait."""


class Waits(Section):
    """AZPLAN_WAITS__*."""

    first: Duration = Field(
        timedelta(seconds=5), description="shortest pause before a command looks again at something slow"
    )
    max: Duration = Field(
        timedelta(seconds=300),
        description="longest pause before a command looks again, unless the partner account has shown that this takes "
        "longer",
    )
    order_deadline: Duration = Field(timedelta(days=1), description="how long a command waits, except for upgrades")
    upgrade_deadline: Duration = Field(timedelta(days=2), description="how long a command waits for an upgrade")
    export_deadline: Duration = Field(timedelta(hours=6), description="how long a command waits for one export")
    data_deadline: Duration = Field(
        timedelta(days=10),
        description="how long a command waits until Microsoft has all lines of an invoice; not set, both waits are "
        "never longer than AZPLAN_JOURNAL__DETAIL_RETENTION",
    )
    export_first: Duration = Field(
        timedelta(seconds=30), description="first pause between two looks at an export that says no Retry-After"
    )
    export_max: Duration = Field(timedelta(seconds=300), description="longest pause between two such looks")
    data_first: Duration = Field(
        timedelta(hours=1), description="first pause before Microsoft is asked again for lines that it does not have"
    )
    data_max: Duration = Field(timedelta(hours=12), description="longest pause before that")
    settle: Duration = Field(
        timedelta(minutes=5), description="how long a request that was never answered may still arrive"
    )
    order_list_lag: Duration = Field(
        timedelta(minutes=15), description="how late a new order may appear in the list of orders"
    )
    customer_lag: Duration = Field(
        timedelta(minutes=2),
        description="how late a new customer may appear; a command waits so long for a customer that is not found",
    )
    quote_age: Duration = Field(timedelta(minutes=10), description="how long the quote of a refund is used")

    def deadlines(self) -> dict[str, timedelta]:
        """The settings that end a limited wait, by their names without `_deadline`."""
        names = [name for name in type(self).model_fields if name.endswith(DEADLINE)]
        return {name.removesuffix(DEADLINE): getattr(self, name) for name in names}
