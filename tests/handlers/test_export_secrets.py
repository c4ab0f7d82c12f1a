"""Nothing that an export leaves behind holds a signature of storage or a token of Microsoft Graph, whatever fails."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from prometheus_client import generate_latest
from pydantic import SecretStr

from ops.simulator.simulator import Simulator
from tests.handlers.exports import command
from tests.handlers.stage import Stage
from tests.support.quiet import overheard
from worker import metrics
from worker.partner_center.client.streams.storage import Storage

FAULTS: list[dict[str, Any]] = [
    {},
    {"sas_lifetime": 0.0},
    {"blob_damage": "redirect"},
    {"blob_damage": "missing"},
]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every signature and every token of Microsoft Graph that the worker gets."""
    found: set[str] = set()
    place, token = Storage.place, Simulator.graph_token

    async def placed(self: Storage, operation: Any, address: SecretStr) -> Any:
        (signature,) = parse_qs(urlsplit(address.get_secret_value()).query)["sig"]
        found.update({signature, quote(signature, safe="")})
        return await place(self, operation, address)

    def issued(self: Simulator, **details: Any) -> str:
        made = token(self, **details)
        found.add(made)
        return made

    monkeypatch.setattr(Storage, "place", placed)
    monkeypatch.setattr(Simulator, "graph_token", issued)
    return found


def files_below(folder: Path) -> dict[str, bytes]:
    """The journal, the published files and what else there is."""
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


async def test_no_signature_and_no_token_is_left_behind(stage: Stage, planted: set[str]) -> None:
    """Journal, events, files, logs and metrics of exports that succeed and that fail in every way."""
    answers = []
    with overheard() as logged:
        for number, fault in enumerate(FAULTS):
            stage.simulator.change(sas_lifetime=43200.0, blob_damage="none")
            stage.simulator.change(**fault)
            stage.simulator.invoice(id=f"G{number:09}", blobs=2)
            sent = await stage.send(command(stage, f"G{number:09}", lines=["usage"]))
            answers.append(await stage.answer(sent))
    left = files_below(stage.files_folder.parents[1])
    left["log"], left["metrics"] = repr(logged).encode(), generate_latest(metrics.REGISTRY)
    left["answers"] = repr(answers).encode()
    assert len(planted) >= 4
    assert any(place.endswith("journal.db") for place in left)
    assert [(place, each) for place, content in left.items() for each in planted if each.encode() in content] == []
