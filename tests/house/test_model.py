"""The model of a lane and its page: the page has every checked rule, with its place in the code and its test."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "ops" / "model"
PAGE = (MODEL / "README.md").read_text("utf-8")
NAMED = re.compile(r"`((?:worker|tests)/[\w/]+\.py)` `(\w+)`")


def rules() -> list[str]:
    """The rules that `check` leaves out one by one."""
    found = re.search(r'^rules="([^"]+)"$', (MODEL / "check").read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1].split()


def rows(heading: str) -> list[list[str]]:
    """The rows of the page's table whose first heading this is."""
    _, _, rest = PAGE.partition(f"\n| {heading} ")
    lines = [line for line in rest.split("\n\n")[0].splitlines()[2:] if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_shows_the_table_that_the_check_prints() -> None:
    """With all rules every promise holds. Without any one of them a promise is broken, in the order of the check."""
    first, *others = rows("without")
    assert first == ["nothing: all rules", "holds", "holds", "holds", "holds"]
    assert [row[0] for row in others] == rules()
    for row in others:
        assert any(re.fullmatch(r"broken in \d+ states", cell) for cell in row[1:]), row
        assert all(re.fullmatch(r"holds|broken in \d+ states", cell) for cell in row[1:]), row


def test_every_rule_of_the_model_is_a_constant_of_it() -> None:
    """Each rule that `check` leaves out is a rule of `Lane.tla`, and each rule of `Lane.tla` is left out once."""
    declared = re.findall(r"^ +(\w+),? +\\\* rule: ", (MODEL / "Lane.tla").read_text("utf-8"), re.MULTILINE)
    assert declared == rules()


@pytest.mark.parametrize("rule", rules())
def test_a_rule_has_its_place_in_the_code_and_a_test(rule: str) -> None:
    """Each is given by an existing file and an existing name."""
    (row,) = [row for row in rows("rule") if row[0] == rule]
    _, _, code, tests = row
    for kind, cell in (("worker", code), ("tests", tests)):
        named = NAMED.findall(cell)
        assert named, f"{rule} names nothing in {kind}"
        for file, name in named:
            assert file.startswith(f"{kind}/")
            text = (ROOT / file).read_text("utf-8")
            assert re.search(rf"^(?:async )?(?:def|class) {name}\b", text, re.MULTILINE), f"{file} has no {name}"


@pytest.mark.parametrize("rule", rules())
def test_a_test_of_a_rule_names_it(rule: str) -> None:
    """The failure of such a test names the promise behind the rule."""
    (row,) = [row for row in rows("rule") if row[0] == rule]
    for file, name in NAMED.findall(row[3]):
        text = (ROOT / file).read_text("utf-8")
        body = text[text.index(f"def {name}(") :].partition("\n\n\n")[0]
        assert rule in body or rule in text.partition('"""\n')[0], f"{name} does not name the rule {rule}"
        assert re.search(r"promises? G\d", body + text.partition('"""\n')[0]), f"{name} names no promise"
