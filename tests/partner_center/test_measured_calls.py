"""The metrics of a call."""

import pytest

from tests.partner_center.conftest import MakeAccount, Recorder
from tests.partner_center.wire import Wire, answers, hangs_up
from worker import metrics
from worker.partner_center.all_operations import operations
from worker.partner_center.errors import Refused, Unanswered
from worker.partner_center.resources import carts, customers


def value(name: str, **labels: str) -> float | None:
    """The value of a metric."""
    return metrics.REGISTRY.get_sample_value(name, labels)


async def test_the_metrics_of_a_request(make_account: MakeAccount, partner_center: Wire, run: Recorder) -> None:
    """The metrics have status or cause, duration, and the code if it is known."""
    metrics.prepare(
        [(each.name, each.method, each.success) for each in operations().values()],
        topics={"commands": "commands", "events": "events", "dead_letters": "dead-letters"},
        build={},
    )
    center = make_account().center(run)
    labels = {"operation": "carts.checkout", "method": "POST"}
    errors = {"operation": "carts.checkout", "error_code": "800023"}
    named = value("azplan_partner_center_errors_total", **errors) or 0
    before = {code: value("azplan_partner_center_requests_total", **labels, code=code) or 0 for code in ("lost", "403")}
    partner_center.will(
        hangs_up,
        answers(403, {"code": 800023, "description": "credit"}),
        answers(403, {"code": 77777777, "description": "new"}),
    )
    for error in (Unanswered, Refused, Refused):
        with pytest.raises(error):
            await carts.checkout(center, "c", "1")
    assert value("azplan_partner_center_requests_total", **labels, code="lost") == before["lost"] + 1
    assert value("azplan_partner_center_requests_total", **labels, code="403") == before["403"] + 2
    assert value("azplan_partner_center_errors_total", **errors) == named + 1
    assert value("azplan_partner_center_errors_total", operation="carts.checkout", error_code="77777777") is None
    assert (value("azplan_partner_center_errors_total", operation="carts.checkout", error_code="other") or 0) >= 1
    assert value("azplan_circuit_state", dependency="contoso/carts", state="closed") == 1
    assert (value("azplan_auth_access_token_expiry_timestamp_seconds", flow="app") or 0) > 1_700_000_000


async def test_the_state_of_a_circuit_is_one_of_three(
    make_account: MakeAccount, partner_center: Wire, run: Recorder
) -> None:
    """Exactly one of the three gauges is 1."""
    center = make_account().center(run)
    partner_center.react = lambda _: answers(500, {})
    for _ in range(5):
        with pytest.raises(Unanswered):
            await customers.get(center, "c")
    states = {
        state: value("azplan_circuit_state", dependency="contoso/customers", state=state)
        for state in ("closed", "open", "half_open")
    }
    assert states == {"closed": 0, "open": 1, "half_open": 0}
