"""The output on a terminal of 80 or 160 columns: whole ids, no longer lines, the most important facts first."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from events.codes import WaitingReason
from ops.local.databases import run_apart
from tests.cli.conftest import Azplan
from tests.cli.telling import NOON
from tests.cli.test_cli_terminal import at_a_terminal
from tests.journal.bench import Bench, accept, claim, command, intent, waiting
from worker.cli.output.story.timeline import Line, fold
from worker.cli.output.text_wrapping import folded, tied, wrap
from worker.journal.records import Call, Note, Waits
from worker.operators.wording.durations import rough

ID = "7d0f6a1e-2f4b-4d0a-9a55-0d2c6f1b7a01"
CUSTOMER = "c0ffee00-0000-4000-8000-000000000001"
LOOKS = 214
OPERATIONS = ("orders.get", "subscriptions.list", "orders.list")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
MINUTE = 60_000_000


async def wait_long(url: str) -> None:
    """A command that looks at its order for hours, each time with three calls. Its ids are GUIDs."""
    async with Bench(url) as bench:
        one = await bench.worker()
        asked = command(ID, customer=CUSTOMER, partner="contoso", type="azplan.CreateAzurePlan.v1")
        await accept(one, replace(asked, command=replace(asked.command, received_at=NOON)))
        (work,) = await claim(one, partners=["contoso"])
        await one.intend(work, intent(details={"cartId": ID}), 900.0, "azure-plan")
        checkout = Call(NOON, "checkout", "carts.checkout", "200", 340, ID, ID, None, "k", answered=True)
        calls = [checkout]
        notes: list[Note] = []
        for number in range(LOOKS):
            at = NOON + (number + 1) * MINUTE
            calls.extend(Call(at, "", each, "200", 41, ID, ID, None, "k", answered=True) for each in OPERATIONS)
            notes.append(Note(at, "wait", f"order {ID} is pending", WaitingReason.ORDER_PROVISIONING, at + MINUTE))
        waits = Waits(1, WaitingReason.ORDER_PROVISIONING)
        await one.conclude(work, waiting(300, waits=waits, notes=notes, calls=calls))


@pytest.fixture
def settings(tmp_path: Path) -> Mapping[str, str]:
    """Settings of that journal."""
    url = f"sqlite:///{tmp_path / 'j.db'}"
    run_apart(wait_long(url))
    return {"AZPLAN_JOURNAL__URL": url}


def lines_at(columns: int, folder: Path, settings: Mapping[str, str], *words: str) -> list[str]:
    """The output of a verb on a terminal of this many columns, without colours."""
    code, shown = at_a_terminal(folder, *words, settings=dict(settings), columns=columns)
    assert code == 0, shown
    return COLOUR.sub("", shown).splitlines()


def test_a_wait_of_hours_is_a_screen_with_the_advice_on_top(tmp_path: Path, settings: Mapping[str, str]) -> None:
    """The same look 214 times is one line with the number and the last time. No id is cut, and no line is too long."""
    lines = lines_at(80, tmp_path, settings, "commands", "show", ID)
    assert len(lines) < 50
    assert max(map(len, lines)) <= 80
    assert lines[0] == f"CreateAzurePlan {ID}: waiting"
    assert lines[1].startswith("waits for    order_provisioning: order")
    top = "\n".join(lines[:9])
    assert re.search(r"^next look    in 4 m, ", top, re.MULTILINE)
    assert re.search(r"^what to do   Nothing: ", top, re.MULTILINE)
    whole = "\n".join(lines)
    for operation in OPERATIONS:
        assert whole.count(operation) == 1
    assert whole.count("×214, last 06:14:00") == 4, "three calls and the wait"
    assert whole.count("carts.checkout") == 1
    assert "×" not in next(line for line in lines if "carts.checkout" in line)
    assert f"request {ID}" in whole
    assert f"correlation {ID}" in whole


def test_the_list_fits_80_columns_with_whole_ids(tmp_path: Path, settings: Mapping[str, str]) -> None:
    """Each command takes two lines."""
    lines = lines_at(80, tmp_path, settings, "commands", "list")
    assert max(map(len, lines)) <= 80
    assert len(lines) == 5
    assert re.fullmatch(rf"\d+ d +CreateAzurePlan +{ID} +waiting", lines[3].strip())
    assert lines[4].split() == ["order_provisioning", CUSTOMER, "contoso"]


def test_the_list_is_one_line_for_each_command_at_160_columns(tmp_path: Path, settings: Mapping[str, str]) -> None:
    """Each line has the whole ids, and an age instead of a date."""
    lines = lines_at(160, tmp_path, settings, "commands", "list")
    assert len(lines) == 3
    assert lines[2].split()[2:] == ["CreateAzurePlan", ID, "waiting", "order_provisioning", CUSTOMER, "contoso"]


def test_without_a_terminal_nothing_is_folded_over_lines_and_instants_stay_instants(
    azplan: Azplan, tmp_path: Path, settings: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is read later, and by programs that read lines."""
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", settings["AZPLAN_JOURNAL__URL"])
    monkeypatch.setenv("COLUMNS", "40")
    head, row = azplan("commands", "list").out.splitlines()
    assert head.split() == ["RECEIVED", "TYPE", "ID", "STATE", "CODE", "CUSTOMER", "PARTNER"]
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  CreateAzurePlan", row)
    assert f"carts.checkout  200  340 ms  request {ID}  correlation {ID}\n" in azplan("commands", "show", ID).out


def test_every_look_is_in_the_json(
    azplan: Azplan, settings: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only people need folding."""
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", settings["AZPLAN_JOURNAL__URL"])
    told = azplan("commands", "show", ID, "--json").json
    assert (len(told["calls"]), len(told["waits"])) == (1 + 3 * LOOKS, LOOKS)


def line(at: int, look: str | None, text: str = "") -> Line:
    """A line of a timeline."""
    return Line(at, "call", text or str(look), look=look)


@pytest.mark.parametrize(
    ("looks", "shown"),
    [
        ("aaa", ["a×3"]),
        ("aa", ["a", "a"]),
        ("ababab", ["a×3", "b×3"]),
        ("aaa!aaa", ["a×3", "!", "a×3"]),
        ("aaba!ab", ["a×3", "b", "!", "a", "b"]),
        ("!!!", ["!", "!", "!"]),
        ("", []),
    ],
)
def test_equal_looks_are_one_line_until_something_happens(looks: str, shown: list[str]) -> None:
    """A line with an exclamation mark is news. From three on, equal looks are counted at the place of the first."""
    lines = [line(at, None if each == "!" else each, each) for at, each in enumerate(looks)]
    assert [f"{each.text}×{each.times}" if each.times > 1 else each.text for each in fold(lines)] == shown


def test_a_folded_look_tells_the_last_of_them() -> None:
    """Microsoft still has the ids of the last look."""
    (one,) = fold([line(1, "a", "first"), line(2, "a", "second"), line(9, "a", "last")])
    assert (one.at, one.times, one.last, one.text) == (1, 3, 9, "last")


@pytest.mark.parametrize(
    ("widths", "width", "lines"),
    [
        ([8, 19, 36], 80, [[0, 1, 2]]),
        ([8, 19, 36, 9, 18, 36, 7], 80, [[0, 1, 2, 3], [4, 5, 6]]),
        ([100, 5, 5], 80, [[0], [1, 2]]),
        ([40, 38], 80, [[0, 1]]),
        ([40, 39], 80, [[0], [1]]),
        ([], 80, []),
    ],
)
def test_columns_that_do_not_fit_go_to_the_next_line(widths: list[int], width: int, lines: list[list[int]]) -> None:
    """Two characters separate columns and begin continued lines."""
    assert folded(widths, width, 2) == lines


def test_a_long_line_is_broken_between_words_and_ids_stay_whole() -> None:
    """Joined words stay together. An id longer than the line sticks out and is not cut."""
    text = f"one two {tied(f'request {ID}')} three"
    assert wrap(text, 50, 4, "> ") == ["> one two", f"    request {ID}", "    three"]
    assert wrap(ID, 30, 2, "> ") == [f"> {ID}"]
    assert wrap(text, None, 4, "> ") == [f"> one two request {ID} three"]


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (-3, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (60, "1 m"),
        (3_599, "59 m"),
        (3_600, "1 h"),
        (11_100, "3 h 5 m"),
        (172_740, "47 h 59 m"),
        (172_800, "2 d"),
    ],
)
def test_an_age_is_short(age: float, said: str) -> None:
    """People compare ages. The seconds of a day do not matter to them."""
    assert rough(age) == said
