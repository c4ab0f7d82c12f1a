"""The page beside the simulator names every knob, fault and profile, and no other."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import ops.simulator
from ops.simulator.behaviour import FOR_ALL, Hostility, Settings
from ops.simulator.faults import Kind
from ops.simulator.seed import PROFILES

PAGE = (Path(ops.simulator.__file__).parent / "README.md").read_text()


def section(title: str) -> set[str]:
    """The words in code type under a heading."""
    text = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert text, f"there is no section {title!r}"
    return set(re.findall(r"`(\w+)`", text))


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("Knobs", {each.name for kind in (Settings, Hostility) for each in fields(kind)}),
        ("Faults", {kind.value for kind in Kind}),
        ("Customers", set(PROFILES)),
    ],
)
def test_the_page_names_every_knob_fault_and_profile(title: str, names: set[str]) -> None:
    """A new knob, fault or profile without a word on the page fails this test."""
    assert names - section(title) == set()


def test_the_knobs_that_are_for_all_say_so() -> None:
    """The page marks the knobs that cannot differ between customers."""
    here = Path(ops.simulator.__file__).parent
    source = (here / "behaviour.py").read_text() + (here / "billing" / "switches.py").read_text()
    assert set(re.findall(r'^    (\w+): [^\n]+\n    """\[all\]', source, re.MULTILINE)) == FOR_ALL
