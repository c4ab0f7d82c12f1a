"""What a run is expected to need is learned from earlier runs of its kind."""

from collections.abc import Mapping

import pytest

from worker.partner_center.client.ceilings.run_needs import RunNeeds

KIND = ("CreateAzurePlan", "accepted")


def run(needs: RunNeeds, *families: str, who: str = "a", short_of: str | None = None) -> None:
    """One run with these requests. `short_of`: the request for which it got no slot."""
    needs.begin(who, KIND)
    for family in families:
        needs.made(who, family)
    if short_of:
        needs.fell_short(who, short_of)
    needs.end(who)


def test_nothing_is_known_before_a_run_has_ended() -> None:
    """Nobody waits for what is not known."""
    needs = RunNeeds()
    assert needs.of(KIND) is None
    needs.begin("a", KIND)
    assert needs.more("a", "carts") is None
    assert needs.left("carts") == 0


@pytest.mark.parametrize(
    ("runs", "expected", "why"),
    [
        ([["carts", "carts", "orders"]], {"carts": 2, "orders": 1}, "as the run before"),
        ([["carts"], ["carts"] * 3], {"carts": 3}, "as the largest one at once"),
        ([["carts"] * 3] + [["carts"]] * 9, {"carts": 1}, "less again, after several small ones"),
        ([["carts", "usage"]] + [["carts"]] * 6, {"carts": 1}, "what hardly any run needs is not expected"),
    ],
)
def test_what_a_run_is_expected_to_need(runs: list[list[str]], expected: Mapping[str, int], why: str) -> None:
    """By the runs before, the last ones most."""
    needs = RunNeeds()
    for families in runs:
        run(needs, *families)
    assert needs.of(KIND) == expected, why


def test_a_run_that_fell_short_teaches_what_is_needed_at_least() -> None:
    """Its later requests were never made, which proves nothing."""
    needs = RunNeeds()
    run(needs, "carts", "orders", "orders")
    run(needs, "carts", short_of="orders")
    assert needs.of(KIND) == {"carts": 1, "orders": 2}
    run(needs, "carts", "orders", "orders", short_of="orders")
    assert needs.of(KIND) == {"carts": 1, "orders": 3}


def test_what_the_runs_under_way_still_need_is_known() -> None:
    """It shrinks with each of their requests, and is nothing when they have ended, whatever they made."""
    needs = RunNeeds()
    run(needs, "carts", "carts", "orders")
    needs.begin("b", KIND)
    needs.begin("c", KIND)
    assert (needs.left("carts"), needs.left("orders"), needs.runs("carts")) == (4, 2, 2)
    for _ in range(3):
        needs.made("b", "carts")
    assert (needs.left("carts"), needs.more("b", "carts"), needs.more("c", "carts")) == (2, 0, 2)
    needs.end("b")
    needs.end("c")
    assert (needs.left("carts"), needs.left("orders"), needs.runs("orders")) == (0, 0, 0)
