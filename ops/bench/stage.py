"""The subjects of a comparison on one broker, started together, each with a line to it."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ops.bench.commands import Recipes, recorded, stories
from ops.bench.ground.load import Line
from ops.bench.ground.subjects import BARE, POSTGRES, Ground, Subject, azplan, bare, ground
from ops.local.kafka_messages import Sent


@dataclass(frozen=True, slots=True)
class Player:
    """One subject with its line, and the commands that it has answered."""

    subject: Subject
    line: Line
    concluded: list[Sent] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the subject."""
        return self.subject.name


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    ground: Ground
    players: Sequence[Player]
    recipes: Recipes
    """The calls that a worker makes for each type of command."""


@contextmanager
def stage(folder: Path, broker: str, names: Sequence[str], profiles: Path | None = None) -> Iterator[Stage]:
    """Start the subjects with these names. `profiles`: a folder for the profile of each worker.

    The bare loop is started last: it makes the calls that a worker has made before. At least one subject is a worker.
    """
    with ExitStack() as ending:
        where = ending.enter_context(ground(folder, broker, postgres=POSTGRES in names))
        workers = [ending.enter_context(azplan(where, name, profiles=profiles)) for name in names if name != BARE]
        players = [Player(one, ending.enter_context(Line(one.topics))) for one in workers]
        recipes = recorded(where.center, players[0].line)
        if BARE in names:
            loop = ending.enter_context(bare(where, recipes))
            players.insert(0, Player(loop, ending.enter_context(Line(loop.topics))))
        where.center.reset(0.0)
        for each in players:
            warm(each)
        yield Stage(where, players, recipes)


def warm(player: Player, customers: int = 20) -> None:
    """Let a subject answer some commands before anything counts: imports, tokens and connections cost once."""
    commands = stories(customers)
    player.line.send(commands)
    player.line.wait([one.id for one in commands])
