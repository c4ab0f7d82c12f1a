"""The circuit, told its time and its chance."""

import pytest

from worker.partner_center.circuit import Circuit, Pass, State


def circuit(*, states: list[State] | None = None, jitter: float = 0.0) -> Circuit:
    """A circuit that opens after five failures."""
    return Circuit(lambda: jitter, changed=(states if states is not None else []).append)


def fails(broken: Circuit, times: int, now: float = 0.0) -> None:
    """So many requests fail, one after another."""
    for _ in range(times):
        leave = broken.admit(now)
        assert isinstance(leave, Pass)
        broken.failed(leave, now)


def test_four_failures_are_bad_luck_and_five_are_not() -> None:
    """Five in a row open it; an answer in between begins the count anew."""
    broken = circuit()
    fails(broken, 4)
    broken.answered(Pass())
    fails(broken, 4)
    assert broken.admit(0) == Pass()
    fails(broken, 1)
    assert broken.admit(0) == 5


def test_one_probe_at_a_time() -> None:
    """When the pause is over, one request decides, and the others stay away."""
    broken = circuit()
    fails(broken, 5)
    probe = broken.admit(5)
    assert probe == Pass(probe=True)
    assert broken.state is State.HALF_OPEN
    assert broken.admit(5) == 5
    broken.answered(Pass(probe=True))
    assert broken.admit(5) == Pass()


def test_a_probe_that_fails_doubles_the_pause_up_to_a_limit() -> None:
    """5, 10, 20, ... 300 seconds."""
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


def test_after_a_recovery_the_pauses_begin_anew() -> None:
    """An answer forgets everything."""
    broken = circuit()
    fails(broken, 5)
    fails(broken, 1, now=5)
    broken.answered(Pass())
    fails(broken, 5, now=100)
    assert broken.admit(100) == 5


def test_a_probe_that_was_not_made_is_given_back() -> None:
    """A caller that went away does not leave the circuit waiting for an answer that nobody asked for."""
    broken = circuit()
    fails(broken, 5)
    leave = broken.admit(5)
    assert isinstance(leave, Pass)
    broken.abandoned(leave)
    assert broken.admit(5) == Pass(probe=True)


def test_latecomers_do_not_lengthen_the_pause() -> None:
    """Requests that left before it opened, and fail afterwards, change nothing; one that is answered closes it."""
    broken = circuit()
    fails(broken, 5)
    broken.failed(Pass(), 1)
    assert broken.admit(1) == 4
    broken.answered(Pass())
    assert broken.state is State.CLOSED


def test_those_who_wait_part() -> None:
    """Chance spreads the delays, so that not all come back at once."""
    broken = circuit(jitter=0.5)
    fails(broken, 5)
    assert broken.admit(0) == pytest.approx(5 * 1.125 + 2.5)


def test_each_state_is_shown_when_it_begins() -> None:
    """For the metric."""
    states: list[State] = []
    broken = circuit(states=states)
    fails(broken, 5)
    fails(broken, 1, now=5)
    broken.admit(100)
    broken.answered(Pass(probe=True))
    assert states == [State.OPEN, State.HALF_OPEN, State.OPEN, State.HALF_OPEN, State.CLOSED]
