"""The journal as people use it, in groups of methods by subject."""

from collections.abc import Callable, Sequence

from worker.journal.database.transactions import Transactions
from worker.journal.intake_records import Intake, Taken
from worker.journal.operating.account_tenants import Tenants
from worker.journal.operating.datasets import Datasets
from worker.journal.operating.dead_letter_archive import DeadLetters
from worker.journal.operating.pauses import Pauses
from worker.journal.operating.rebuild import RebuildStore
from worker.journal.operating.replay_plans import ReplayPlans
from worker.journal.operating.requests import Requests
from worker.journal.operating.retention import Retention
from worker.journal.operating.wakeups import Wakeups
from worker.journal.processing import consumer_group, intake
from worker.journal.processing.shared_ceilings import SharedCeilings
from worker.journal.reading.commands import Commands
from worker.journal.reading.counts import Statistics
from worker.journal.records import Micros, NewDeadLetter


class OperatorJournal:
    """Reads and changes the journal for people, beside the workers that have it open.

    Every method that reaches the database raises `JournalUnavailable` if the database does not answer.
    """

    def __init__(self, transactions: Transactions) -> None:
        """`transactions`: a worker's `Journal` may use the same."""
        self.transactions = transactions
        self.commands = Commands(transactions)
        self.requests = Requests(transactions)
        self.pauses = Pauses(transactions)
        self.wakeups = Wakeups(transactions)
        self.dead_letters = DeadLetters(transactions)
        self.replay_plans = ReplayPlans(transactions)
        self.rebuild = RebuildStore(transactions)
        self.retention = Retention(transactions)
        self.statistics = Statistics(transactions)
        self.tenants = Tenants(transactions)
        self.datasets = Datasets(transactions)
        self.ceilings = SharedCeilings(transactions)

    async def open(self) -> None:
        """Connect. Raises `JournalRefused` with what to do, and `JournalMissing`."""
        await self.transactions.open()

    async def close(self) -> None:
        """Commit what was submitted and close every connection, within a few seconds even if the database is silent."""
        await self.transactions.close()

    def now(self) -> Micros:
        """The database's clock, estimated without asking the database: never ahead of it."""
        return self.transactions.now()

    @property
    def warnings(self) -> Sequence[str]:
        """Settings of the database that weaken what the journal promises, one sentence each."""
        return self.transactions.warnings

    async def bind(self, group: str, topic: str) -> None:
        """Remember, once, the consumer group and the commands topic that this journal belongs to.

        Raises `JournalRefused` if the journal belongs to another group or topic.
        """
        await self.transactions.write(lambda tx: consumer_group.bind(tx, group, topic))

    async def accept(
        self, items: Sequence[Intake], instead: Callable[[Intake, Exception], NewDeadLetter]
    ) -> list[Taken]:
        """Take records in, as a worker takes in every record. A worker finds their lanes.

        If the database refuses a record, `instead` makes the dead letter that is stored for it.
        """
        return await intake.accept_all(self.transactions, "", items, instead)
