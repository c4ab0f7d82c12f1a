"""Where the records of a report go: pages of events, a file, or nowhere. Their sums are taken on the way."""

from collections.abc import Mapping
from typing import Any

from events.messages.usage import ReportUsage, UsageRecord, UsageRecorded
from events.report_pages import in_pages
from worker.handling import Context
from worker.partner_center.resources.spending.usage import UsageItem
from worker.spending.usage_figures import Kind, Sums, record


class Delivery:
    """The records of one report, as they are read."""

    def __init__(self, ctx: Context, command: ReportUsage) -> None:
        self.sums = Sums()
        self._ctx = ctx
        self._deliver = "none" if ctx.validate_only else command.deliver
        self._records: list[UsageRecord] = []
        self._pages: list[list[UsageRecord]] = []

    async def take(self, kind: Kind | None, item: UsageItem) -> None:
        """Count one record in, and keep it where its report delivers records. `kind` None: it is only counted."""
        self.sums.add(item)
        if kind is not None and self._deliver != "none":
            self._records.append(record(kind, item))

    async def deliver(self) -> Mapping[str, Any]:
        """The members `records`, `pages` and `files` of the answer, once all records are taken."""
        self._pages = list(in_pages(self._records))
        return {"records": len(self._records), "pages": len(self._pages), "files": ()}

    def say(self) -> None:
        """Say the pages, which are published with the answer."""
        for number, page in enumerate(self._pages, start=1):
            place = UsageRecorded.nth_place(number)
            self._ctx.say(place, UsageRecorded, page=number, pages=len(self._pages), records=page)
