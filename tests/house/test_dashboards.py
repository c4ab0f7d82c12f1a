"""The dashboards show the worker's metrics, explain them, and stay readable for the person on call."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from worker import metrics
from worker.metrics import REGISTRY

DASHBOARDS = sorted((Path(__file__).parents[2] / "ops" / "grafana" / "dashboards").glob("*.json"))
BOARDS: dict[str, dict[str, Any]] = {file.stem: json.loads(file.read_text("utf-8")) for file in DASHBOARDS}

UNSHOWN: Mapping[str, str] = {
    "process_max_fds": "a limit of the machine; it does not move",
    "process_start_time_seconds": "restarts show as gaps and as resets of counters",
    "process_virtual_memory_bytes": "says nothing about memory that is used",
    "python_gc_collections": "for a profile of the process, not for the person on call",
    "python_gc_objects_collected": "for a profile of the process, not for the person on call",
    "python_gc_objects_uncollectable": "for a profile of the process, not for the person on call",
}
"""Metrics that no panel shows, each with the reason."""

SELECTOR = re.compile(r"\b([a-zA-Z_:][\w:]*)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
GROUPING = re.compile(r"\bby \(([^)]*)\)")
WINDOW = re.compile(r"\[([^\]]*)\]")
SCRAPED = {"job", "instance"}
AT_A_GLANCE = ("stat", "table")


def _panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels of a dashboard that show data."""
    for panel in board["panels"]:
        yield from panel.get("panels", [])
        if panel["type"] != "row":
            yield panel


PANELS = [pytest.param(panel, id=panel["title"] or str(panel["id"])) for b in BOARDS.values() for panel in _panels(b)]
each_board = pytest.mark.parametrize("name", BOARDS)
each_panel = pytest.mark.parametrize("panel", PANELS)


def _queries(panel: Mapping[str, Any]) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def _exported() -> dict[str, str]:
    """Every name that a query may use, with the declared metric behind it."""
    names = {}
    for family in REGISTRY.collect():
        endings = {
            "counter": ["_total"],
            "histogram": ["_bucket", "_sum", "_count"],
            "info": ["_info"],
        }.get(family.type, [""])
        names.update({f"{family.name}{ending}": family.name for ending in endings})
    return names


EXPORTED = _exported()
LABELS = {
    name.removesuffix("_total").removesuffix("_info"): {*labels, *(["le"] if kind == "histogram" else [])}
    for name, kind, labels, _ in metrics.described()
}


def test_there_is_a_dashboard() -> None:
    """The tests below have dashboards to test."""
    assert "azplan" in BOARDS
    assert len(PANELS) > 30


@each_board
def test_a_dashboard_keeps_its_address(name: str) -> None:
    """Its uid is fixed, because links must last. It cannot be edited: the next start would overwrite that."""
    board = BOARDS[name]

    assert board["uid"] == name
    assert board.get("id") is None
    assert board["editable"] is False
    assert board["title"]


@each_board
def test_a_dashboard_lets_choose_source_job_and_worker(name: str) -> None:
    """It works on any Prometheus, under any job name, for one worker or all of them."""
    variables = {variable["name"]: variable for variable in BOARDS[name]["templating"]["list"]}

    assert variables["datasource"]["type"] == "datasource"
    assert set(variables) >= SCRAPED
    for variable in variables.values():
        if variable["type"] == "query":
            assert variable["datasource"]["uid"] == "${datasource}"
            assert set(re.findall(r"azplan_\w+", variable["definition"])) <= set(EXPORTED)


@each_board
def test_panels_have_a_number_and_a_place_of_their_own(name: str) -> None:
    """No two panels have the same id, and none lies on another or beside the grid."""
    panels = BOARDS[name]["panels"]
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) < 24


@each_panel
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    """Each panel has a title, a description in sentences, and a unit."""
    assert panel["title"]
    assert len(panel["description"]) > 40
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]


@each_panel
def test_a_panel_asks_the_chosen_data_source(panel: dict[str, Any]) -> None:
    """This holds for the panel and each of its queries."""
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]

    assert panel["targets"]
    assert sources == [{"type": "prometheus", "uid": "${datasource}"}] * len(sources)


@each_panel
def test_every_metric_in_a_query_exists(panel: dict[str, Any]) -> None:
    """The worker exports each name that begins with `azplan_` or stands before braces."""
    for query in _queries(panel):
        used = {name for name, _ in SELECTOR.findall(query)}
        mentioned = set(re.findall(r"\b(?:azplan|process|python)_\w+", query))

        assert used
        assert used >= mentioned, "a metric without its selector"
        assert used <= set(EXPORTED)


@each_panel
def test_every_label_in_a_query_exists(panel: dict[str, Any]) -> None:
    """Matchers and groupings name labels of the metric or of the scrape."""
    for query in _queries(panel):
        known = set(SCRAPED)
        for name, matchers in SELECTOR.findall(query):
            labels = LABELS.get(EXPORTED[name], set()) | SCRAPED
            known |= labels
            assert {label for label, _, _ in MATCHER.findall(matchers)} <= labels
        grouped = {label.strip() for group in GROUPING.findall(query) for label in group.split(",")}
        legends = {label for target in panel["targets"] for label in re.findall(r"{{(\w+)}}", target["legendFormat"])}

        assert grouped <= known
        if len(panel["targets"]) == 1:
            assert legends <= (grouped or known), "the legend names a label that is not left"


@each_panel
def test_every_value_in_a_query_exists(panel: dict[str, Any]) -> None:
    """Outcomes, faults, states and levels are spelled as the worker spells them."""
    spelled = {
        "outcome": {*metrics.OUTCOMES, "error", "ok", "cached", "acknowledged"},
        "fault": set(metrics.FAULTS),
        "state": set(metrics.CIRCUIT_STATES),
        "level": set(metrics.LOG_LEVELS),
    }
    for query in _queries(panel):
        for label, _, value in (found for _, inside in SELECTOR.findall(query) for found in MATCHER.findall(inside)):
            if label in spelled:
                assert set(value.split("|")) <= spelled[label]


@each_panel
def test_every_query_keeps_to_the_chosen_workers(panel: dict[str, Any]) -> None:
    """Each selector has job and instance. A metric by command also has the chosen commands, or no command of azplan."""
    chosen = {("job", "=~", "$job"), ("instance", "=~", "$instance")}
    for query in _queries(panel):
        for name, matchers in SELECTOR.findall(query):
            wanted = set(chosen)
            if "command" in LABELS.get(EXPORTED[name], set()):
                wanted.add(("command", "=~", "$command"))
            assert set(MATCHER.findall(matchers)) >= wanted


@each_panel
def test_a_window_fits_the_scrape_interval(panel: dict[str, Any]) -> None:
    """Rates use $__rate_interval, or the whole range for a single number. Counters are shown only as rates."""
    allowed = {"$__rate_interval"} if panel["type"] not in AT_A_GLANCE else {"$__rate_interval", "$__range"}
    for query in _queries(panel):
        assert set(WINDOW.findall(query)) <= allowed
        for name, _ in SELECTOR.findall(query):
            if name.endswith(("_total", "_bucket", "_sum", "_count")):
                assert re.search(rf"\b(rate|increase)\({name}\{{[^}}]*}}\[", query), f"{name} is a counter"


@each_panel
def test_seconds_in_a_second_are_no_duration(panel: dict[str, Any]) -> None:
    """The rate of a counter of seconds is a number of waiting or working commands, or a share."""
    if any(re.search(r"\brate\(\w+_seconds_total\{", query) for query in _queries(panel)):
        assert panel["fieldConfig"]["defaults"]["unit"] not in {"s", "ms"}


@each_panel
def test_a_token_that_was_at_hand_is_no_request(panel: dict[str, Any]) -> None:
    """Panels about requests for tokens count the requests to the authority only."""
    for query in _queries(panel):
        if "azplan_auth_token_requests_total{" in query:
            assert 'outcome!="cached"' in query or 'outcome="error"' in query


def test_every_metric_is_shown_or_left_out_for_a_reason() -> None:
    """A panel shows every metric, except those that are listed with a reason."""
    shown = {
        EXPORTED[name]
        for board in BOARDS.values()
        for panel in _panels(board)
        for query in _queries(panel)
        for name, _ in SELECTOR.findall(query)
        if name in EXPORTED
    }
    declared = set(EXPORTED.values())

    assert declared - shown == set(UNSHOWN)
    assert all(UNSHOWN.values())
