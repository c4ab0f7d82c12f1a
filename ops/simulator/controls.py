"""The control port: seed and reset, read the books, move time, turn knobs, inject faults. Never mixed with the API.

Members are named as in Python (``order_outcome``, ``azure_subscriptions``); instants are written as dates.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ops.simulator.behaviour import change_members, checked_copy
from ops.simulator.billing.controls import CONTROLS
from ops.simulator.clock import Clock, wire_date
from ops.simulator.simulator import Simulator, profiles, routes
from ops.simulator.state import Customer

PAGES = ("orders", "carts", "subscriptions", "upgrades", "returns", "exports", "effects", "requests", "warnings")

Control = Callable[[Simulator, Request, Any], object]


def control_app(simulator: Simulator) -> Starlette:
    """Return the ASGI application of the control port."""
    table: tuple[tuple[str, str, Control], ...] = (
        ("GET", "/health", _health),
        ("POST", "/reset", _reset),
        ("GET", "/customers", _list_customers),
        ("POST", "/customers", _seed),
        ("GET", "/customers/{id}", _get_customer),
        ("PATCH", "/customers/{id}", _change_customer),
        ("POST", "/customers/{id}/plans", _add_plan),
        ("PATCH", "/partners/{id}", _change_partner),
        ("GET", "/books", _counts),
        ("GET", "/books/{page}", _book),
        ("GET", "/clock", _clock),
        ("POST", "/clock", _advance),
        ("GET", "/settings", _settings),
        ("PATCH", "/settings", _change_settings),
        ("GET", "/faults", _faults),
        ("POST", "/faults", _add_fault),
        ("DELETE", "/faults", _clear_faults),
        ("POST", "/orders/{id}", _end_order),
        ("POST", "/upgrades/{id}", _move_upgrade),
        ("PATCH", "/azure-subscriptions/{id}", _change_azure_subscription),
        ("PATCH", "/reservations/{id}", _change_reservation),
        ("POST", "/returns/{id}", _end_return),
        ("POST", "/catalog/rotate", _rotate),
        ("POST", "/tokens/revoke", _revoke),
        *CONTROLS,
    )
    return Starlette(
        routes=[
            Route(path, partial(_carry_out, simulator, control), methods=[method]) for method, path, control in table
        ]
    )


async def _carry_out(simulator: Simulator, control: Control, request: Request) -> Response:
    try:
        document = await request.json() if await request.body() else {}
        result = control(simulator, request, document)
        if inspect.isawaitable(result):
            result = await result
    except KeyError as missing:
        return JSONResponse({"error": f"not found: {missing.args[0]}"}, 404)
    except (ValueError, TypeError, AttributeError) as wrong:
        return JSONResponse({"error": str(wrong)}, 400)
    return JSONResponse(readable(simulator.clock, result))


def readable(clock: Clock, value: Any) -> Any:
    """Return plain JSON of dataclasses in any nesting, with instants as dates."""
    if is_dataclass(value) and not isinstance(value, type):
        return readable(clock, asdict(value))
    if isinstance(value, Mapping):
        return {
            str(name): wire_date(clock.date(item)) if _is_instant(str(name), item) else readable(clock, item)
            for name, item in value.items()
        }
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple):
        return [readable(clock, item) for item in value]
    return value


def _is_instant(name: str, value: object) -> bool:
    return isinstance(value, float) and (name in ("at", "busy_until") or name.endswith("_at"))


def _health(_simulator: Simulator, _request: Request, _document: Any) -> object:
    return {"status": "ok", "routes": len(routes()), "profiles": profiles()}


def _reset(simulator: Simulator, request: Request, document: Any) -> object:
    simulator.reset()
    return _seed(simulator, request, document) if document else []


def _seed(simulator: Simulator, _request: Request, document: Any) -> object:
    wanted = document if isinstance(document, list) else [document]
    return [_thin(customer) for each in wanted for customer in _seed_some(simulator, dict(each))]


def _seed_some(simulator: Simulator, document: dict[str, Any]) -> list[Customer]:
    count, profile = int(document.pop("count", 1)), document.pop("profile", "ready")
    identity = document.pop("id", None)
    return [simulator.customer(profile, identity=identity, **document) for _ in range(count)]


def _list_customers(simulator: Simulator, _request: Request, _document: Any) -> object:
    return [_thin(each) for each in simulator.world.customers.values()]


def _thin(customer: Customer) -> object:
    return {name: getattr(customer, name) for name in ("id", "name", "partner", "country")}


def _get_customer(simulator: Simulator, request: Request, _document: Any) -> object:
    simulator.world.settle()
    return simulator.find(request.path_params["id"])


def _change_customer(simulator: Simulator, request: Request, document: Any) -> object:
    customer = simulator.find(request.path_params["id"])
    changes = dict(document)
    overrides = {**customer.overrides, **changes.pop("settings", {})}
    simulator.settings.for_one(overrides)
    change_members(customer, {**changes, "overrides": overrides})
    return customer


def _add_plan(simulator: Simulator, request: Request, document: Any) -> object:
    return simulator.add_plan(request.path_params["id"], **document)


def _change_partner(simulator: Simulator, request: Request, document: Any) -> object:
    tenant = request.path_params["id"].lower()
    simulator.world.partners[tenant] = checked_copy(simulator.world.partners[tenant], document)
    return {name: getattr(simulator.world.partners[tenant], name) for name in ("tenant_id", "indirect", "sandbox")}


def _counts(simulator: Simulator, _request: Request, _document: Any) -> object:
    return simulator.books.counts()


def _book(simulator: Simulator, request: Request, _document: Any) -> object:
    page, query = request.path_params["page"], request.query_params
    if page not in PAGES:
        raise KeyError(f"no page {page!r} in the books; there are {', '.join(PAGES)}")
    entries = list(getattr(simulator.books, page))
    for name in ("customer", "kind", "operation", "request_id"):
        if wanted := query.get(name):
            entries = [each for each in entries if wanted.lower() == str(_member(each, name)).lower()]
    return entries[-int(query.get("limit", "1000")) :]


def _member(entry: object, name: str) -> object:
    return getattr(entry, name, getattr(entry, f"{name}_id", None))


def _clock(simulator: Simulator, _request: Request, _document: Any) -> object:
    return {"now": wire_date(simulator.clock.date()), "scale": simulator.clock.scale}


def _advance(simulator: Simulator, request: Request, document: Any) -> object:
    simulator.clock.advance(float(document.get("advance", 0)))
    simulator.world.settle()
    return _clock(simulator, request, document)


def _settings(simulator: Simulator, _request: Request, _document: Any) -> object:
    return simulator.settings


def _change_settings(simulator: Simulator, _request: Request, document: Any) -> object:
    simulator.change(**document)
    return simulator.settings


def _faults(simulator: Simulator, _request: Request, _document: Any) -> object:
    return simulator.faults.waiting


def _add_fault(simulator: Simulator, _request: Request, document: Any) -> object:
    return [simulator.faults.add_from(each) for each in (document if isinstance(document, list) else [document])]


def _clear_faults(simulator: Simulator, _request: Request, _document: Any) -> object:
    simulator.faults.clear()
    return []


def _end_order(simulator: Simulator, request: Request, document: Any) -> object:
    simulator.end_order(request.path_params["id"], document.get("status", "completed"))
    return simulator.books.counts()


def _move_upgrade(simulator: Simulator, request: Request, document: Any) -> object:
    simulator.move_upgrade(request.path_params["id"], document.get("stage", "completed"))
    return simulator.books.counts()


def _change_azure_subscription(simulator: Simulator, request: Request, document: Any) -> object:
    return simulator.change_azure_subscription(request.path_params["id"], **document)


def _change_reservation(simulator: Simulator, request: Request, document: Any) -> object:
    return simulator.change_reservation(request.path_params["id"], **document)


def _end_return(simulator: Simulator, request: Request, document: Any) -> object:
    simulator.end_return(request.path_params["id"], failed=bool(document.get("failed")))
    return simulator.books.counts()


def _rotate(simulator: Simulator, _request: Request, _document: Any) -> object:
    simulator.rotate_catalog()
    return {}


def _revoke(simulator: Simulator, _request: Request, document: Any) -> object:
    simulator.tokens.revoke_all()
    if document.get("refresh_tokens"):
        simulator.grants.revoke_refresh_tokens()
    return {}
