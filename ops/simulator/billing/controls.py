"""The requests of the control port that have to do with money."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from ops.simulator.billing.ledger import Export
from ops.simulator.simulator import Simulator

Control = Callable[[Simulator, Request, Any], object]


def _list_invoices(simulator: Simulator, _request: Request, _document: Any) -> object:
    return [replace(each, buyers=()) for each in simulator.world.ledger.invoices.values()]


def _seed(simulator: Simulator, _request: Request, document: Any) -> object:
    wanted = document if isinstance(document, list) else [document]
    return [replace(simulator.invoice(**each), buyers=()) for each in wanted]


def _seed_unbilled(simulator: Simulator, _request: Request, document: Any) -> object:
    return replace(simulator.unbilled(**document), buyers=())


def _change(simulator: Simulator, request: Request, document: Any) -> object:
    return replace(simulator.change_invoice(request.path_params["id"], **document), buyers=())


def _renew(simulator: Simulator, request: Request, document: Any) -> object:
    return replace(simulator.renew_invoice(request.path_params["id"], **document), buyers=())


async def _figures(simulator: Simulator, request: Request, _document: Any) -> object:
    query = request.query_params
    kind, attributes = query.get("lines", "usage"), query.get("attributes", "full")
    if kind not in ("usage", "reconciliation", "aggregatedUsage") or attributes not in ("full", "basic"):
        raise ValueError("lines are usage, reconciliation or aggregatedUsage; attributes are full or basic")
    return await asyncio.to_thread(
        simulator.figures,
        request.path_params["id"],
        kind,  # type: ignore[arg-type]
        attributes,  # type: ignore[arg-type]
        blobs=query.get("blobs", "true") == "true",
        planted=query.get("planted", "true") == "true",
    )


def _set_usage(simulator: Simulator, request: Request, document: Any) -> object:
    simulator.set_usage(request.path_params["id"], **document)
    return simulator.usage_of(request.path_params["id"])


def _usage(simulator: Simulator, request: Request, _document: Any) -> object:
    return simulator.usage_of(request.path_params["id"])


def _end_export(simulator: Simulator, request: Request, document: Any) -> object:
    export: Export = simulator.end_export(request.path_params["id"], **document)
    return replace(export, release=None)


CONTROLS: tuple[tuple[str, str, Control], ...] = (
    ("GET", "/invoices", _list_invoices),
    ("POST", "/invoices", _seed),
    ("PATCH", "/invoices/{id}", _change),
    ("POST", "/invoices/{id}/versions", _renew),
    ("GET", "/invoices/{id}/figures", _figures),
    ("POST", "/unbilled", _seed_unbilled),
    ("GET", "/customers/{id}/usage", _usage),
    ("POST", "/customers/{id}/usage", _set_usage),
    ("POST", "/exports/{id}", _end_export),
)
