"""The journal against a small model of it in memory, under any order of actions of workers, people and time.

After each step the two must agree on turns, owners and unsent events, and every open command must have an owner or a
lane that a worker will take.
"""

import asyncio
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from tests.journal.bench import LEASE, command, ended, engine, event, instead, intent, lapse, rows, waiting
from tests.support.callers_thread import CallersThread
from worker.clock import Clock
from worker.errors import LaneLost
from worker.journal.database.protocol import Transaction
from worker.journal.database.schema import TABLES
from worker.journal.database.transactions import Transactions
from worker.journal.intake_records import Taken
from worker.journal.journal import EffectHeld, Journal
from worker.journal.operating.requests import Requests
from worker.journal.processing.requests import DONE
from worker.journal.processing.runs import StepIsApplied
from worker.journal.records import State, Step, StepState, Work

T = TypeVar("T")
Claimed = tuple[str, int, Work]
"""The worker that claimed a command, the number of the run, and the claimed command."""

WORKERS = ["one", "two"]
CUSTOMERS = ["contoso", "fabrikam"]
IDS = [str(number) for number in range(6)]
ENDS = st.sampled_from([State.SUCCEEDED, State.REJECTED, State.FAILED, State.WAITING])
STEPS = st.sampled_from(["cart", "checkout"])


@dataclass
class Lane:
    """A lane of the model."""

    owner: str | None = None
    epoch: int = 0
    unfinished: bool = False
    settle: int = 0
    effect: str | None = None


@dataclass
class Wanted:
    """A command of the model."""

    id: str
    lane: str
    fingerprint: str
    turn: int
    state: State = State.ACCEPTED
    runs: int = 0
    redrive: int = 0
    released: bool = False
    due: bool = False
    steps: dict[str, StepState] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    until: dict[str, int] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        """The uid as the journal has it."""
        return f"/crm#{self.id}"

    @property
    def is_open(self) -> bool:
        """Whether its story goes on."""
        return self.state.is_open


class JournalMachine(RuleBasedStateMachine):
    """Two workers on one journal. Each step is repeated in the model. Subclasses choose the database."""

    url: ClassVar[str]
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.journals: dict[str, Journal] = {}
        self.living: set[str] = set()
        self.lanes: dict[str, Lane] = {f"us/{customer}": Lane() for customer in CUSTOMERS}
        self.commands: dict[str, Wanted] = {}
        self.unsent: dict[str, list[str]] = {lane: [] for lane in self.lanes}
        self.reused: set[str] = set()
        self.turns = 0

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        """Empty the tables and begin two living workers."""

        async def empty(tx: Transaction) -> None:
            for table in TABLES:
                if table != "schema_version":
                    await tx.run(f"DELETE FROM {table}")

        for name in WORKERS:
            journal = self.journals[name] = Journal(Transactions(engine(self.url, threads=CallersThread()), Clock()))
            self.do(journal.open())
            if name == WORKERS[0]:
                self.do(journal.transactions.write(empty))
            self.do(journal.register(name, "1", LEASE))
            self.living.add(journal.worker)

    def teardown(self) -> None:
        """Close the database."""
        for journal in self.journals.values():
            self.do(journal.close())
        self.loop.close()

    # ---- the model's own rules

    def free(self, lane: Lane) -> bool:
        """Whether no living worker owns the lane."""
        return lane.owner not in self.living

    def holds(self, claim: Claimed) -> bool:
        """Whether the worker that claimed a command may still write for it."""
        _, runs, work = claim
        lane, wanted = self.lanes[work.lane], self.commands[work.id]
        return (lane.owner, lane.epoch, wanted.runs) == (work.owner.worker, work.owner.epoch, runs)

    def own(self, worker: str, lane: Lane) -> None:
        """Add a new row to a lane."""
        if self.free(lane) and worker in self.living:
            lane.owner, lane.epoch = worker, lane.epoch + 1
        lane.unfinished = True

    def next_turn(self, lane: str) -> None:
        """Give the next turn to the first command that holds the lane."""
        held = [wanted for wanted in self.commands.values() if wanted.lane == lane and wanted.is_open]
        first = min((wanted for wanted in held if not wanted.released), key=lambda wanted: wanted.turn, default=None)
        if first is not None:
            first.due = True

    # ---- actions of workers

    @rule(
        name=st.sampled_from(WORKERS),
        batch=st.lists(
            st.tuples(st.sampled_from(IDS), st.sampled_from(CUSTOMERS), st.sampled_from("ab")), min_size=1, max_size=4
        ),
    )
    def accept(self, name: str, batch: list[tuple[str, str, str]]) -> None:
        """Read a batch with repeats and reused ids."""
        items = [command(id_, customer=customer, fingerprint=content) for id_, customer, content in batch]
        taken = self.do(self.journals[name].accept(items, instead))
        expected = [self.expected(self.journals[name].worker, *record) for record in batch]
        assert taken == expected

    def expected(self, worker: str, id_: str, customer: str, content: str) -> Taken:
        """The expected end of one record."""
        lane = f"us/{customer}"
        known = self.commands.get(id_)
        if known is None:
            self.turns += 1
            self.commands[id_] = Wanted(id_, lane, content, self.turns)
            self.own(worker, self.lanes[lane])
            self.unsent[lane].append(f"/crm#{id_}/accepted")
            self.next_turn(lane)
            return Taken.NEW
        if known.fingerprint == content:
            return Taken.DUPLICATE
        self.own(worker, self.lanes[lane])
        said = f"/crm#{id_}/reused-{content}"
        if said not in self.reused:
            self.reused.add(said)
            self.unsent[lane].append(said)
        return Taken.REUSED

    @rule(target=claims, name=st.sampled_from(WORKERS))
    def claim(self, name: str) -> Any:
        """Claim every command that can run now in this worker's lanes."""
        found = self.do(self.journals[name].claim(["us"], 100, ())).work
        mine = {lane for lane, model in self.lanes.items() if model.owner == self.journals[name].worker}
        assert {work.id for work in found} == {one.id for one in self.commands.values() if one.due and one.lane in mine}
        for work in found:
            wanted, lane = self.commands[work.id], self.lanes[work.lane]
            assert {step: known.state for step, known in work.steps.items()} == wanted.steps
            assert {step: known.attempts for step, known in work.steps.items()} == wanted.attempts
            assert {step: known.until for step, known in work.steps.items()} == wanted.until
            assert work.settle_until == (0 if wanted.released else lane.settle)
            assert (work.redrive, work.released, work.owner.epoch) == (wanted.redrive, wanted.released, lane.epoch)
            holder = {earlier.uid for earlier in work.earlier}
            assert holder == ({lane.effect} if lane.effect not in (None, work.uid) else set())
        return multiple(*((name, self.commands[work.id].runs, work) for work in found))

    @rule(
        claim=claims, step=st.sampled_from(["cart", "checkout"]), key=st.booleans(), seconds=st.sampled_from([60, 900])
    )
    def intend(self, claim: Claimed, step: str, key: bool, seconds: int) -> None:
        """Write the intent of a write that is about to leave."""
        name, _, work = claim
        lane, wanted = self.lanes[work.lane], self.commands[work.id]
        call = self.journals[name].intend(work, intent(step), seconds, "plan" if key else None)
        if not self.holds(claim):
            self.refused(call, LaneLost)
        elif key and lane.effect not in (None, work.uid):
            self.refused(call, EffectHeld)
        elif wanted.steps.get(step) is StepState.APPLIED:
            self.refused(call, StepIsApplied)
        else:
            made = self.do(call)
            if key:
                lane.effect = work.uid
            wanted.steps[step] = StepState.INTENDED
            wanted.attempts[step] = wanted.attempts.get(step, 0) + 1
            assert made.attempts == wanted.attempts[step]
            assert made.until >= wanted.until.get(step, 0)
            wanted.until[step] = made.until
            if wanted.released:
                lane.settle = max(lane.settle, made.intent_until)

    @rule(claim=claims, step=STEPS, applied=st.booleans(), spent=st.booleans())
    def record(self, claim: Claimed, step: str, applied: bool, spent: bool) -> None:
        """Write the answer of a write."""
        name, _, work = claim
        wanted = self.commands[work.id]
        if step not in wanted.steps and self.holds(claim):
            return
        state = StepState.APPLIED if applied else StepState.NOT_APPLIED
        done = Step(step, "money", state, wanted.attempts.get(step, 1))
        call = self.journals[name].record(work, done, spent=spent)
        if not self.holds(claim):
            self.refused(call, LaneLost)
            return
        self.do(call)
        wanted.steps[step], wanted.until[step] = state, 0
        if spent:
            wanted.until = dict.fromkeys(wanted.until, 0)

    @rule(
        claim=claims,
        state=ENDS,
        release=st.booleans(),
        keep=st.booleans(),
    )
    def conclude(self, claim: Claimed, state: State, release: bool, keep: bool) -> None:
        """End a run."""
        name, _, work = claim
        lane, wanted = self.lanes[work.lane], self.commands[work.id]
        said = f"{work.uid}/{work.redrive}/terminal"
        end = waiting(released=release) if state.is_open else ended(work, state, keep_effects=keep)
        call = self.journals[name].conclude(work, end)
        if not self.holds(claim):
            self.refused(call, LaneLost)
            return
        self.do(call)
        before = wanted.released
        wanted.runs += 1
        wanted.state = state
        wanted.released = (before or release) and state.is_open
        wanted.due = state.is_open
        if not state.is_open:
            self.unsent[work.lane].append(said)
            if not keep and lane.effect == work.uid:
                lane.effect = None
        if not state.is_open or (release and not before):
            lane.settle = max([lane.settle, *wanted.until.values()])
            self.next_turn(work.lane)

    @rule(name=st.sampled_from(WORKERS), data=st.data())
    def run_all(self, name: str, data: st.DataObject) -> None:
        """Give every command that can run a whole run, as most runs are."""
        found = self.do(self.journals[name].claim(["us"], 100, ())).work
        for claim in [(name, self.commands[work.id].runs, work) for work in found]:
            if data.draw(st.booleans()):
                self.intend(claim, "checkout", key=data.draw(st.booleans()), seconds=60)
                if data.draw(st.booleans()):
                    self.record(claim, "checkout", applied=data.draw(st.booleans()), spent=data.draw(st.booleans()))
            self.conclude(claim, data.draw(ENDS), release=data.draw(st.booleans()), keep=data.draw(st.booleans()))

    @rule(name=st.sampled_from(WORKERS), number=st.integers(1, 9))
    def publish(self, name: str, number: int) -> None:
        """Let Kafka acknowledge some events of this worker's lanes."""
        found = [row for row in self.do(self.journals[name].unsent(number)) if not row.letter]
        mine = {lane for lane, model in self.lanes.items() if model.owner == self.journals[name].worker}
        assert {row.lane for row in found} <= mine
        assert len(found) == min(number, sum(len(self.unsent[lane]) for lane in mine))
        for row in found:
            assert row.headers[0][1] == self.unsent[row.lane].pop(0).encode()
        self.do(self.journals[name].sent(found))

    @rule(name=st.sampled_from(WORKERS), limit=st.integers(1, 9))
    def take(self, name: str, limit: int) -> None:
        """Let a worker look for lanes without a living owner."""
        taken = self.do(self.journals[name].take_lanes(limit))
        owners = {row["id"]: (row["owner"], row["epoch"]) for row in self.table("lane")}
        worker = self.journals[name].worker
        if worker not in self.living:
            assert taken == 0
            return
        candidates = [lane for lane, model in self.lanes.items() if model.unfinished and self.free(model)]
        won = [lane for lane in candidates if owners[lane] == (worker, self.lanes[lane].epoch + 1)]
        assert taken >= len(won) >= min(limit, len(candidates)) - 1  # perhaps with the dead-letter lane
        for lane in won:
            self.lanes[lane].owner, self.lanes[lane].epoch = owners[lane]

    @rule(name=st.sampled_from(WORKERS))
    def give_back(self, name: str) -> None:
        """Let a worker give finished lanes back."""
        self.do(self.journals[name].give_back(100))
        for lane, model in self.lanes.items():
            busy = self.unsent[lane] or any(one.lane == lane and one.is_open for one in self.commands.values())
            if model.owner == self.journals[name].worker and model.unfinished and not busy:
                model.owner, model.unfinished = None, False

    # ---- actions of time and people

    @rule(name=st.sampled_from(WORKERS))
    def lapse(self, name: str) -> None:
        """Silence a worker for too long. The worker learns so with its next heartbeat."""
        self.do(lapse(self.journals[name]))
        self.living.discard(self.journals[name].worker)
        assert not self.do(self.journals[name].heartbeat(LEASE))

    @rule(name=st.sampled_from(WORKERS))
    def come_back(self, name: str) -> None:
        """Register a lapsed worker again, as another worker without the lanes of the old one."""
        if self.journals[name].worker not in self.living:
            self.do(self.journals[name].register(name, "1", LEASE))
            self.living.add(self.journals[name].worker)

    @precondition(lambda self: any(one.state is State.FAILED for one in self.commands.values()))
    @rule(data=st.data())
    def redrive(self, data: st.DataObject) -> None:
        """Redrive a failed command. The lane's owner carries the request out."""
        wanted = data.draw(st.sampled_from([one for one in self.commands.values() if one.state is State.FAILED]))
        lane = self.lanes[wanted.lane]
        number = self.do(Requests(self.journals["one"].transactions).ask("ada", "why", "redrive", wanted.uid))
        lane.unfinished = True
        if self.free(lane):
            self.come_back("one")
            self.take("one", 100)
        carrier = next(journal for journal in self.journals.values() if journal.worker == lane.owner)
        acts = carrier.requests
        (act,) = [act for act in self.do(acts.open()) if act.seq == number]
        item = self.do(acts.subject(act))
        assert item is not None
        assert self.do(acts.redrive(act, item, [event(f"{wanted.uid}/{wanted.redrive + 1}")])) == DONE
        self.turns += 1
        wanted.state, wanted.redrive, wanted.turn = State.ACCEPTED, wanted.redrive + 1, self.turns
        wanted.runs += 1
        wanted.due = wanted.released = False
        self.unsent[wanted.lane].append(f"{wanted.uid}/{wanted.redrive}")
        self.next_turn(wanted.lane)

    # ---- invariants

    @invariant()
    def the_database_is_as_the_model(self) -> None:
        """Owners, epochs, instants of settling, states, stories, turns and unsent events agree."""
        if not self.journals:
            return
        for row in self.table("lane"):
            if row["id"] in self.lanes:
                lane = self.lanes[row["id"]]
                found = (row["owner"], row["epoch"], bool(row["unfinished"]))
                assert found == (lane.owner, lane.epoch, lane.unfinished)
                assert row["settle_until"] == lane.settle
        for row in self.table("command"):
            wanted = self.commands[row["id"]]
            assert (row["state"], row["redrive"], bool(row["released"])) == (
                wanted.state,
                wanted.redrive,
                wanted.released,
            )
            assert (row["due_at"] is not None) == wanted.due
            if wanted.is_open:
                assert self.lanes[wanted.lane].unfinished

    @invariant()
    def one_command_of_a_lane_has_its_turn(self) -> None:
        """The first command that holds the lane has the turn. Released commands run beside it."""
        for lane in self.lanes:
            held = [one for one in self.commands.values() if one.lane == lane and one.is_open and not one.released]
            assert [one.id for one in held if one.due] == [min(held, key=lambda one: one.turn).id] if held else True

    def table(self, name: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        return self.do(rows(self.journals["one"], f"SELECT * FROM {name}"))

    def refused(self, call: Coroutine[Any, Any, object], error: type[Exception]) -> None:
        """The call is refused for that reason."""
        with pytest.raises(error):
            self.do(call)


def run(url: str, examples: int) -> None:
    """Let hypothesis try this many stories."""
    machine = type("Machine", (JournalMachine,), {"url": url})
    machine.TestCase.settings = settings(
        max_examples=examples,
        stateful_step_count=40,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    machine.TestCase().runTest()


@contextmanager
def file() -> Iterator[str]:
    """An SQLite file in memory if the system has such a place: no test here depends on the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield f"sqlite:///{folder}/journal.db"


def test_the_journal_does_as_the_model_on_sqlite() -> None:
    """Any order of forty steps."""
    with file() as url:
        run(url, 100)


@pytest.mark.postgres
def test_the_journal_does_as_the_model_on_postgresql(postgres_url: str) -> None:
    """Any order of forty steps."""
    run(postgres_url, 15)
