"""What a comparison has measured, as a table of text and as a JSON document."""

import os
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from ops.bench import figures
from ops.bench.cases import CASES, KINDS, Figures
from ops.bench.commands import Recipes
from ops.bench.ground.partner_center_answers import ROUTES, route_of
from ops.bench.ground.subjects import BARE
from worker.version import revision

LIBRARIES = (
    "aiohttp",
    "aiokafka",
    "asyncpg",
    "azplan",
    "confluent-kafka",
    "httpx",
    "httpx-aiohttp",
    "pydantic",
    "uvloop",
)
Key = tuple[str, str, str]
"""Broker, case and subject."""


@dataclass(slots=True)
class Results:
    """The figures of every round, and the calls that a worker made for each type of command."""

    rounds: dict[Key, list[Figures]] = field(default_factory=dict)
    recipes: Recipes = field(default_factory=dict)

    def add(self, broker: str, case: str, subject: str, found: Figures) -> None:
        """Add one round."""
        self.rounds.setdefault((broker, case, subject), []).append(found)

    def summary(self, key: Key) -> dict[str, Any]:
        """The medians of a subject's rounds, and the medians of its ratios to the bare loop in the same round."""
        rounds, base = self.rounds[key], self.rounds.get((key[0], key[1], BARE), [])
        ratios = {
            name: figures.ratio([one[name] for one in rounds], [one[name] for one in base])
            for name in rounds[0]
            if KINDS[name].to_bare and len(base) == len(rounds) and key[2] != BARE
        }
        return {"median": {name: median(one[name] for one in rounds) for name in rounds[0]}, "ofBare": ratios}


def document(results: Results, about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was measured, with the machine and the versions. `about`: how much was measured."""
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": revision(),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memoryGB": round(psutil.virtual_memory().total / 1e9, 1),
            "python": platform.python_version(),
        },
        "versions": {name: version(name) for name in LIBRARIES},
        "size": dict(about),
        "calls": {kind: calls_of(recipe) for kind, recipe in results.recipes.items()},
        "results": [
            {
                "broker": key[0],
                "case": key[1],
                "subject": key[2],
                **_rounded(results.summary(key)),
                "rounds": [_rounded(one) for one in rounds],
            }
            for key, rounds in results.rounds.items()
        ],
    }


def calls_of(recipe: Sequence[tuple[str, str, str]]) -> dict[str, int]:
    """How often each operation is called for one command."""
    return dict(Counter(ROUTES[route_of(method, target)[0]][0] for method, target, _ in recipe))


def table(results: Results) -> Iterator[str]:
    """Lines of text: a table for each case, then the calls of each type of command."""
    for case in CASES:
        keys = [key for key in results.rounds if key[1] == case.name]
        if not keys:
            continue
        yield f"{case.name}: {case.about}"
        names = list(results.rounds[keys[0]][0])
        titles = [KINDS[name].title for name in names]
        yield f"  {'':28}" + "".join(f"{title:>18}" for title in titles)
        for key in keys:
            found = results.summary(key)
            yield f"  {key[0]:6} {key[2]:21}" + "".join(f"{_cell(name, found):>18}" for name in names)
        yield ""
    for kind, recipe in results.recipes.items():
        calls = ", ".join(f"{name} {number}" for name, number in calls_of(recipe).items())
        yield f"{kind}: {len(recipe)} calls: {calls}"


def _cell(name: str, summary: Mapping[str, Any]) -> str:
    ratio = f"{summary['ofBare'][name]:.2f} ×" if name in summary["ofBare"] else ""
    return f"{summary['median'][name]:.{KINDS[name].digits}f} {ratio:>6}"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value, 3)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
