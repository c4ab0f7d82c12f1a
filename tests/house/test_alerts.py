"""The alerts ask for metrics that the worker has, fire when they should, say what to do, and are read by Prometheus."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.test_dashboards import EXPORTED, LABELS, MATCHER, SCRAPED, SELECTOR
from tests.support.missing import missing
from worker.files.comparison.rules import Status

ROOT = Path(__file__).parents[2]
FILE = ROOT / "ops" / "prometheus" / "alerts.yml"
GROUPS = yaml.safe_load(FILE.read_text("utf-8"))["groups"]
ALERTS: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
each_alert = pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])


@each_alert
def test_an_alert_asks_for_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    """Values of the status are those of comparisons."""
    asked = SELECTOR.findall(rule["expr"])

    assert asked
    assert set(re.findall(r"azplan_\w+", rule["expr"])) == {name for name, _ in asked}, "a metric without its selector"
    for name, matchers in asked:
        labels = {label: value for label, _, value in MATCHER.findall(matchers)}
        assert labels.keys() <= LABELS[EXPORTED[name]] | SCRAPED
        assert labels.get("status", Status.DIFFERENT.value) in {status.value for status in Status}


@each_alert
def test_an_alert_says_what_to_do_and_stands_in_the_docs(rule: dict[str, Any]) -> None:
    """A summary in a sentence, and what a person does next."""
    assert rule["annotations"]["summary"].endswith(".")
    assert "azplan" in rule["annotations"]["description"]
    assert f"`{rule['alert']}`" in (ROOT / "docs" / "operating.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (("check", "rules"), "alerts.yml"),
        (("test", "rules"), "alerts_test.yml"),
        (("check", "config", "--syntax-only"), "prometheus.yml"),
    ],
    ids=["rules", "cases of the alerts", "configuration"],
)
def test_promtool_finds_nothing_wrong(words: tuple[str, ...], file: str) -> None:
    """Prometheus loads the files, and each alert fires in the cases of `alerts_test.yml` and in no other."""
    if shutil.which("promtool") is None:
        missing("promtool on this machine", "install Debian's package `prometheus`, or Prometheus")
    done = subprocess.run(
        ["promtool", *words, file], cwd=FILE.parent, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    """A rule that never fires looks like a world without trouble."""
    cases = yaml.safe_load((FILE.parent / "alerts_test.yml").read_text("utf-8"))["tests"]
    fires = {(case["alertname"], bool(case.get("exp_alerts"))) for test in cases for case in test["alert_rule_test"]}

    assert fires == {(rule["alert"], seen) for rule in ALERTS for seen in (True, False)}


def test_prometheus_reads_the_alerts() -> None:
    """Compose mounts the file where the configuration names it."""
    config = yaml.safe_load((ROOT / "ops" / "prometheus" / "prometheus.yml").read_text("utf-8"))
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))

    assert config["rule_files"] == ["/etc/prometheus/alerts.yml"]
    mounts = compose["services"]["prometheus"]["volumes"]
    assert "./ops/prometheus/alerts.yml:/etc/prometheus/alerts.yml:ro" in mounts
