"""The circuit, with given times and random numbers."""

import pytest

from worker.partner_center.client.circuit import Circuit, Permit, State


def circuit(*, states: list[State] | None = None, jitter: float = 0.0) -> Circuit:
    """A circuit that opens after five failures."""
    return Circuit(lambda: jitter, changed=(states if states is not None else []).append)


def fails(broken: Circuit, times: int, now: float = 0.0) -> None:
    """Let this many requests fail, one after another."""
    for _ in range(times):
        leave = broken.admit(now)
        assert isinstance(leave, Permit)
        broken.failed(leave, now)


def test_five_failures_in_a_row_open_the_circuit_and_four_do_not() -> None:
    """Five failures in a row open it. An answer in between resets the count."""
    broken = circuit()
    fails(broken, 4)
    broken.answered(Permit())
    fails(broken, 4)
    assert broken.admit(0) == Permit()
    fails(broken, 1)
    assert broken.admit(0) == 5


def test_one_probe_at_a_time() -> None:
    """When the pause is over, one request decides, and the others stay away."""
    broken = circuit()
    fails(broken, 5)
    probe = broken.admit(5)
    assert probe == Permit(probe=True)
    assert broken.state is State.HALF_OPEN
    assert broken.admit(5) == 5
    broken.answered(Permit(probe=True))
    assert broken.admit(5) == Permit()


def test_a_probe_that_fails_doubles_the_pause_up_to_a_limit() -> None:
    """The pauses are 5, 10, 20, ... 300 seconds."""
    broken = circuit()
    fails(broken, 5)
    now, pauses = 0.0, []
    for _ in range(9):
        pause = broken.admit(now)
        assert isinstance(pause, float)
        pauses.append(pause)
        now += pause
        fails(broken, 1, now)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_after_a_recovery_the_pauses_start_from_the_first() -> None:
    """An answer resets the pauses."""
    broken = circuit()
    fails(broken, 5)
    fails(broken, 1, now=5)
    broken.answered(Permit())
    fails(broken, 5, now=100)
    assert broken.admit(100) == 5


def test_a_probe_that_was_not_made_is_given_back() -> None:
    """A cancelled caller does not leave the circuit waiting for an answer."""
    broken = circuit()
    fails(broken, 5)
    leave = broken.admit(5)
    assert isinstance(leave, Permit)
    broken.abandoned(leave)
    assert broken.admit(5) == Permit(probe=True)


def test_latecomers_do_not_lengthen_the_pause() -> None:
    """Requests that left before the opening and fail afterwards change nothing. An answered one closes the circuit."""
    broken = circuit()
    fails(broken, 5)
    broken.failed(Permit(), 1)
    assert broken.admit(1) == 4
    broken.answered(Permit())
    assert broken.state is State.CLOSED


def test_waiting_callers_come_back_at_different_times() -> None:
    """Random delays keep the callers from coming back at once."""
    broken = circuit(jitter=0.5)
    fails(broken, 5)
    assert broken.admit(0) == pytest.approx(5 * 1.125 + 2.5)


def test_each_state_is_shown_when_it_begins() -> None:
    """The metric shows the states."""
    states: list[State] = []
    broken = circuit(states=states)
    fails(broken, 5)
    fails(broken, 1, now=5)
    broken.admit(100)
    broken.answered(Permit(probe=True))
    assert states == [State.OPEN, State.HALF_OPEN, State.OPEN, State.HALF_OPEN, State.CLOSED]


def recovered(jitter: float = 0.0) -> Circuit:
    """A circuit that was open, and whose probe has just been answered."""
    broken = circuit(jitter=jitter)
    fails(broken, 5)
    probe = broken.admit(5)
    assert probe == Permit(probe=True)
    broken.answered(probe)
    return broken


def under_way(recovering: Circuit) -> int:
    """The number of further requests that may leave at the same moment."""
    return next(number for number in range(10_000) if not isinstance(recovering.admit(5), Permit))


def test_after_an_opening_the_others_come_in_a_few_at_first_and_twice_as_many_each_time() -> None:
    """G8: an outage ends without a stampede. Each answer makes room for two more requests."""
    recovering, rounds = recovered(), []
    for _ in range(5):
        rounds.append(under_way(recovering))
        assert recovering.admit(5) == 5, "the others come back later"
        for _ in range(rounds[-1]):
            recovering.answered(Permit())
    assert rounds == [2, 4, 8, 16, 32]
    assert [recovering.admit(5) for _ in range(1_000)] == [Permit()] * 1_000


def test_a_request_that_was_not_made_leaves_its_room_to_another() -> None:
    """A failed request leaves its room to another too."""
    recovering = recovered()
    assert under_way(recovering) == 2
    recovering.abandoned(Permit())
    recovering.failed(Permit(), 5)
    assert under_way(recovering) == 2


def test_a_recovery_that_fails_again_is_an_outage_again() -> None:
    """The same five failures in a row open it. Failures of one customer alone keep nobody out."""
    recovering = recovered()
    fails(recovering, 4, now=5)
    recovering.answered(Permit())
    assert recovering.outage(5) is None
    fails(recovering, 5, now=5)
    assert recovering.state is State.OPEN


def test_a_caller_that_failed_comes_back_behind_those_that_were_turned_away() -> None:
    """The next probe belongs to another caller, if there is one."""
    broken = circuit(jitter=0.5)
    fails(broken, 4)
    assert broken.outage(0) is None
    fails(broken, 1)
    turned_away, failed = broken.admit(0), broken.outage(0)
    assert isinstance(turned_away, float)
    assert failed is not None
    assert failed > turned_away


def test_odd_answers_to_one_command_open_nothing_and_to_two_they_do() -> None:
    """A gateway's page may concern one command only. Pages for two commands concern everybody."""
    broken = circuit()
    for _ in range(9):
        broken.failed(Permit(), 0, foreign_for="a")
    assert (broken.state, broken.admit(0)) == (State.CLOSED, Permit())
    broken.failed(Permit(), 0, foreign_for="b")
    assert broken.state is State.OPEN


def test_an_odd_answer_beside_silence_is_an_outage() -> None:
    """The order of the two does not matter."""
    for kinds in (["a", "a", None, "a", "a"], [None, "a", "a", "a", "a"], ["a", "a", "a", "a", None]):
        broken = circuit()
        for kind in kinds:
            broken.failed(Permit(), 0, foreign_for=kind)
        assert broken.state is State.OPEN


def test_a_command_that_alone_gets_odd_answers_stays_away_until_another_is_answered() -> None:
    """Four failures concern the command alone. From the fifth on it waits too: 5, 10, 20, ... 300 seconds."""
    broken = circuit()
    pauses = []
    for _ in range(12):
        broken.failed(Permit(), 0, foreign_for="a")
        pauses.append(broken.outage(0))
    assert pauses == [None, None, None, None, 5, 10, 20, 40, 80, 160, 300, 300]
    broken.answered(Permit())
    broken.failed(Permit(), 0, foreign_for="a")
    assert broken.outage(0) is None


def test_a_probe_that_meets_an_odd_answer_keeps_the_circuit_open() -> None:
    """Partner Center itself has not answered yet."""
    broken = circuit()
    fails(broken, 5)
    probe = broken.admit(5)
    assert probe == Permit(probe=True)
    broken.failed(probe, 5, foreign_for="a")
    assert broken.state is State.OPEN
