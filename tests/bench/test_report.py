"""`ops/bench/report.py` and `ops/bench/picture.py`: what a comparison writes."""

import json
import xml.etree.ElementTree as ET

import jsonschema
import pytest

from ops.bench.cases import CASES, KINDS
from ops.bench.ground.subjects import BARE, POSTGRES, SQLITE
from ops.bench.picture import PANELS, picture
from ops.bench.report import Results, document, table

SVG = "{http://www.w3.org/2000/svg}"
NUMBERS = {"type": "object", "propertyNames": {"enum": list(KINDS)}, "additionalProperties": {"type": "number"}}
SCHEMA = {
    "type": "object",
    "required": ["measured", "revision", "machine", "versions", "size", "calls", "results"],
    "additionalProperties": False,
    "properties": {
        "measured": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$"},
        "revision": {"type": "string"},
        "machine": {"type": "object", "required": ["system", "processor", "cores", "memoryGB", "python"]},
        "versions": {"type": "object", "additionalProperties": {"type": "string"}},
        "size": {"type": "object"},
        "calls": {"type": "object", "additionalProperties": {"additionalProperties": {"type": "integer"}}},
        "results": {
            "type": "array",
            "items": {
                "required": ["broker", "case", "subject", "median", "ofBare", "rounds"],
                "additionalProperties": False,
                "properties": {
                    "broker": {"enum": ["mock", "kafka"]},
                    "case": {"enum": [case.name for case in CASES]},
                    "subject": {"type": "string"},
                    "median": NUMBERS,
                    "ofBare": NUMBERS,
                    "rounds": {"type": "array", "minItems": 1, "items": NUMBERS},
                },
            },
        },
    },
}


@pytest.fixture
def results() -> Results:
    """Two rounds of which the second was on a machine half as fast."""
    results = Results()
    for slow in (1, 2):
        for name, cost in ((BARE, 500.0), (POSTGRES, 600.0), (SQLITE, 550.0)):
            results.add("mock", "cpu", name, {"rate": 300 / slow, "cpuPerCall": cost * slow, "callsPerCommand": 5.4})
    results.add("kafka", "skewed", BARE, {"p50": 900.0, "p95": 2500.0, "p99": 2600.0})
    results.recipes = {"azplan.ReactivatePlan.v1": [("GET", "/v1/customers/<first><rest>/subscriptions", "")] * 2}
    return results


def test_the_document_has_the_published_shape(results: Results) -> None:
    """Other programs read the JSON: numbers by the names of their kinds, with machine, versions and date."""
    jsonschema.validate(json.loads(json.dumps(document(results, {"rounds": 2}))), SCHEMA)


def test_ratios_are_those_of_the_same_round(results: Results) -> None:
    """A slow machine changes the figures of a round and no ratio."""
    found = document(results, {})["results"]
    ratios = {row["subject"]: row["ofBare"] for row in found if row["case"] == "cpu"}

    assert ratios == {BARE: {}, POSTGRES: {"rate": 1.0, "cpuPerCall": 1.2}, SQLITE: {"rate": 1.0, "cpuPerCall": 1.1}}


def test_calls_are_counted_by_operation(results: Results) -> None:
    """Each type of command has its calls."""
    assert document(results, {})["calls"] == {"azplan.ReactivatePlan.v1": {"subscriptions.list": 2}}


def test_the_table_names_each_subject_and_each_figure(results: Results) -> None:
    """A person reads the same figures as a program."""
    text = "\n".join(table(results))

    assert "azplan, PostgreSQL" in text
    assert "1.20 ×" in text
    assert "azplan.ReactivatePlan.v1: 2 calls: subscriptions.list 2" in text


def test_the_picture_is_an_image_with_a_title_and_its_numbers_as_text(results: Results) -> None:
    """A screen reader reads what the bars show; a panel that was not measured is left out."""
    root = ET.fromstring(picture(document(results, {})))
    texts = [each.text for each in root.iter(f"{SVG}text")]

    assert root.get("role") == "img"
    assert root.find(f"{SVG}title") is not None
    about = root.find(f"{SVG}desc")
    assert about is not None
    assert "bare loop 750 µs" in (about.text or "")
    assert PANELS[0].title in texts
    assert "900 µs" in texts
    assert PANELS[3].title not in texts


def test_the_bars_of_a_panel_are_as_long_as_their_numbers(results: Results) -> None:
    """The longest bar is the largest figure."""
    root = ET.fromstring(picture(document(results, {})))
    first, second, third, *_ = [float(each.get("width", "0")) for each in root.iter(f"{SVG}rect")]

    assert second > third > first
    assert first / second == pytest.approx(500 / 600, abs=0.01)


def test_the_picture_is_readable_on_dark_pages(results: Results) -> None:
    """Colours follow the reader's scheme."""
    assert "prefers-color-scheme:dark" in picture(document(results, {}))
