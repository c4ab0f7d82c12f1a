"""`azplan contract`."""

from events.contract_files import example, messages, schema
from tests.cli.conftest import Azplan


def test_all_types_are_listed(azplan: Azplan) -> None:
    """Each command and event has a sentence."""
    ended = azplan("contract")
    assert ended.code == 0
    assert all(wire_type in ended.out for wire_type in messages())


def test_json_holds_schema_and_example_of_each(azplan: Azplan) -> None:
    """Programs read the whole contract in one array."""
    found = {each["type"]: each for each in azplan("contract", "--json").json}
    assert set(found) == set(messages())
    suspend = found["azplan.SuspendPlan.v1"]
    assert suspend["kind"] == "command"
    assert suspend["answeredBy"] == "azplan.PlanSuspended.v1"
    assert suspend["schema"] == schema("azplan.SuspendPlan.v1")
    assert suspend["example"] == example("azplan.SuspendPlan.v1")
    assert found["azplan.CommandRejected.v1"]["kind"] == "answer"
    assert found["azplan.CommandWaiting.v1"]["kind"] == "event"


def test_one_type_is_found_by_any_of_its_names(azplan: Azplan) -> None:
    """The name may be full or short, in any case, or with hyphens."""
    for name in ("azplan.SuspendPlan.v1", "SuspendPlan", "suspendplan", "suspend-plan"):
        ended = azplan("contract", name)
        assert ended.code == 0
        assert "ce_type: azplan.SuspendPlan.v1" in ended.out
        assert '"$schema"' in ended.out


def test_an_unknown_type_is_exit_code_3_with_a_suggestion(azplan: Azplan) -> None:
    """A mistyped name of an event gets a suggestion too."""
    ended = azplan("contract", "AzurePlanCreate")
    assert ended.code == 3
    assert "AzurePlanCreated" in ended.err
