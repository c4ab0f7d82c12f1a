"""Every write of every command, with every fault of its answer: one effect, and a true answer.

Promises G2 (nothing is bought or changed twice) and G6 (an unknown outcome is never guessed). The cases come from the
operations that the handlers call. A new write has no case until a story here covers it; a test reports the gap.
"""

import ast
from pathlib import Path

import pytest

from tests.handlers.faults import EVERY_LOSS, REMEMBERED
from tests.handlers.stage import Stage
from tests.handlers.stories import STORIES, Story
from worker.handling import load
from worker.partner_center.all_operations import operations

ROOT = Path(__file__).parents[2]
LOSSES = [(story, write) for story in STORIES for write in (story.losable or story.writes)]


@REMEMBERED
@EVERY_LOSS
@pytest.mark.parametrize(("story", "write"), LOSSES, ids=[f"{story.name}: {write}" for story, write in LOSSES])
async def test_a_write_whose_answer_is_lost_takes_effect_once(
    stage: Stage, story: Story, write: str, kind: str, details: dict[str, object], memory: bool
) -> None:
    """This holds whether the request arrived or not, and at any time: the worker looks before it acts again.

    Rule SameCart, promises G2 and G6.
    """
    stage.simulator.change(remember_request_ids=memory)
    stage.fault(kind, write, **details)
    customer = stage.simulator.customer(story.profile)
    answer = await story.told(stage, customer)
    story.insist(stage, customer, answer)
    assert await stage.open_effects() == []
    assert not stage.simulator.books.warnings


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
async def test_a_story_makes_exactly_its_writes(stage: Stage, story: Story) -> None:
    """Nothing is lost here. Therefore the test above loses every write of the story."""
    customer = stage.simulator.customer(story.profile)
    story.insist(stage, customer, await story.told(stage, customer))
    met = dict.fromkeys(each for each in stage.calls() if each in operations() and operations()[each].writes)
    assert set(met) == set(story.writes)


def test_every_write_of_every_command_loses_its_answer() -> None:
    """A write that a handler calls and no story loses is a gap."""
    assert {write for _, write in LOSSES} == _called()
    for command in load("worker.handlers"):
        written = {write for story in STORIES if story.command is command for write in story.writes}
        lost = {write for story, write in LOSSES if story.command is command}
        told = any(story.command is command for story in STORIES)
        assert told, f"{command.__name__} has no story in tests/handlers/stories.py"
        assert lost == written, f"{command.__name__} loses {lost}, and writes {written}"


def _called() -> set[str]:
    """The writes that handlers and their parts call, as in `carts.checkout(...)`: named as the operation."""
    folders = (ROOT / "worker" / name for name in ("handlers", "azure_plans", "customers", "spending"))
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    names = {
        f"{node.func.value.id}.{node.func.attr}"
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
    }
    named = {name.replace("arm_", "arm.").replace(".give_back", ".return") for name in names}
    return {name for name in named if name in operations() and operations()[name].writes}
