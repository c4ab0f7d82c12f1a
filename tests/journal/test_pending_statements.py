"""Statements that travel together keep every order that matters."""

from hypothesis import given
from hypothesis import strategies as st

from worker.journal.database.pending_statements import Pending

LANES = st.sets(st.sampled_from("abc"), min_size=1)
ASKED = st.lists(st.tuples(LANES, st.sampled_from(["one", "two", "three"])), max_size=20)


def test_equal_statements_of_different_lanes_become_one_group() -> None:
    """The lanes of one group may ask for other statements besides."""
    pending = Pending()
    for lane in ("a", "b", "c"):
        pending.add({lane}, "update", [(lane,)])
        pending.add({lane}, "insert", [(lane, 1), (lane, 2)])
    groups = pending.take()
    assert [(sql, len(values)) for sql, values in groups] == [("update", 3), ("insert", 6)]
    assert pending.take() == []


@given(ASKED)
def test_statements_that_share_a_lane_run_in_the_order_in_which_they_were_asked_for(
    asked: list[tuple[set[str], str]],
) -> None:
    """Each statement runs exactly once."""
    pending = Pending()
    for number, (lanes, sql) in enumerate(asked):
        pending.add(lanes, sql, [(number,)])
    order = [(sql, number) for sql, values in pending.take() for (number,) in values]
    assert sorted(order, key=lambda pair: pair[1]) == [(sql, number) for number, (_, sql) in enumerate(asked)]
    place = {number: at for at, (_, number) in enumerate(order)}
    for later, (lanes, _) in enumerate(asked):
        for earlier in range(later):
            if lanes & asked[earlier][0]:
                assert place[earlier] < place[later]
