"""Answers that commands of one account share for a while."""

import asyncio

import pytest

from tests.support.virtual_time import LoopClock
from worker.partner_center.recent_answers import RecentAnswers

pytestmark = pytest.mark.looptime


async def test_an_answer_is_found_until_it_is_too_old() -> None:
    """The age counts from the moment at which the answer was kept, not from its last use."""
    answers: RecentAnswers[str] = RecentAnswers(LoopClock(), seconds=900, most=10)
    answers.keep("US", "item")
    await asyncio.sleep(899)
    assert answers.find("US") == "item"
    await asyncio.sleep(1)
    assert answers.find("US") is None


async def test_a_newer_answer_takes_the_place_of_an_older_one() -> None:
    """Its age is its own."""
    answers: RecentAnswers[str] = RecentAnswers(LoopClock(), seconds=900, most=10)
    answers.keep("US", "stale")
    await asyncio.sleep(600)
    answers.keep("US", "fresh")
    await asyncio.sleep(600)
    assert answers.find("US") == "fresh"


async def test_an_answer_that_was_dropped_is_not_found() -> None:
    """Others stay, and an unknown name is no error."""
    answers: RecentAnswers[str] = RecentAnswers(LoopClock(), seconds=900, most=10)
    answers.keep("US", "item")
    answers.keep("GB", "other item")
    answers.drop("US")
    answers.drop("FR")
    assert (answers.find("US"), answers.find("GB"), answers.find("FR")) == (None, "other item", None)


async def test_the_oldest_answer_goes_if_there_are_too_many() -> None:
    """Promise G8: the memory has a bound, whatever names come."""
    answers: RecentAnswers[int] = RecentAnswers(LoopClock(), seconds=900, most=2)
    for number, name in enumerate(["US", "GB", "US", "FR"]):
        answers.keep(name, number)
    assert [answers.find(name) for name in ("GB", "US", "FR")] == [None, 2, 3]
