"""What an export does next, as a table: from its standing and from a look at Microsoft's operation."""

from dataclasses import replace

import pytest

from events.codes import FailedCode, WaitingReason
from events.messages.command_status import PartnerCenterError
from worker.exports.decisions import (
    MANIFEST,
    Already,
    Ask,
    Download,
    Drop,
    GiveUp,
    Later,
    Look,
    Publish,
    Seen,
    after_look,
    asked,
    begins,
    unreadable,
)
from worker.exports.standing import Limits, Standing
from worker.journal.records import SECOND

LIMITS = Limits(look_first=30, look_max=300, operation=21_600, data_first=3_600, data_max=43_200, data=864_000)
NOW = 1_000_000 * SECOND
HOUR = 3_600 * SECOND
ASKED = Standing(location="https://graph/operations/1", asked_at=NOW)
FOUND = replace(ASKED, source="v1", blobs=3, parts=frozenset({1}))
DONE = replace(FOUND, parts=frozenset({0, 1, 2}))
RUNNING = Seen("running")
NO_DATA = Seen("failed", code="5000", message="no data")
FAILED = Seen("failed", code="7000", message="broken")


def succeeded(source: str = "v1", blobs: int = 3) -> Seen:
    """A look that finds the end of an export."""
    return Seen("succeeded", source=source, blobs=blobs)


@pytest.mark.parametrize(
    ("standing", "action"),
    [
        (Standing(), Ask()),
        (ASKED, Look()),
        (FOUND, Look()),
        (DONE, Publish()),
        (replace(DONE, location=None, next_at=NOW + 1), Publish()),
        (replace(DONE, blobs=0, parts=frozenset()), Publish()),
        (replace(ASKED, next_at=NOW), Look()),
    ],
    ids=["nothing yet", "asked", "some parts", "all parts", "all parts, no look needed", "no blobs", "due"],
)
def test_a_run_begins_where_the_last_one_ended(standing: Standing, action: object) -> None:
    """The rows of an export say what is next, also after a crash."""
    assert begins(standing, NOW) == action


def test_a_manifest_that_does_not_name_all_of_its_blobs_is_read_again_and_then_refused() -> None:
    """Its lines would be published as complete while some of them are missing."""
    short = Seen("succeeded", source="v1", blobs=2, counted=3)
    standing, action = after_look(ASKED, short, NOW, LIMITS)
    assert isinstance(action, Later)
    assert standing.location == ASKED.location
    assert after_look(standing, succeeded(), NOW, LIMITS)[1] == Download((0, 1, 2))
    refused = after_look(standing, short, NOW, LIMITS)[1]
    assert isinstance(refused, GiveUp)
    assert refused.code is FailedCode.SOURCE_UNREADABLE
    assert refused.detail == "the manifest names 2 blobs and counts 3, also when it was read again"


@pytest.mark.parametrize("counted", [None, 3])
def test_a_manifest_that_counts_its_blobs_right_or_not_at_all_is_good(counted: int | None) -> None:
    """Microsoft's answers may lack the count."""
    seen = Seen("succeeded", source="v1", blobs=3, counted=counted)
    assert after_look(ASKED, seen, NOW, LIMITS)[1] == Download((0, 1, 2))


def test_microsoft_is_not_asked_before_the_wait_is_over() -> None:
    """A run that another dataset of the command has caused leaves the operation alone."""
    standing = replace(ASKED, next_at=NOW + 5, detail="preparing")

    assert begins(standing, NOW) == Later(NOW + 5, WaitingReason.EXPORT_PREPARING, "preparing")


def test_the_first_look_follows_the_request_after_the_first_pause() -> None:
    """Microsoft's answer to the request names no time."""
    standing = asked(Standing(no_data=2, ran_out=1), "https://graph/operations/2", NOW, LIMITS)

    assert standing.location == "https://graph/operations/2"
    assert standing.next_at == NOW + 30 * SECOND
    assert (standing.no_data, standing.ran_out) == (2, 1)


@pytest.mark.parametrize(("says", "pause"), [(120.0, 120), (0.0, 1), (1e9, 21_600)])
def test_the_first_look_follows_when_the_answer_to_the_request_says(says: float, pause: int) -> None:
    """Retry-After of the answer to the request counts like that of a look."""
    assert asked(Standing(), "https://graph/operations/2", NOW, LIMITS, says).next_at == NOW + pause * SECOND


def test_looks_become_slower() -> None:
    """The pauses between looks grow from 30 s to 300 s."""
    standing, pauses = ASKED, []
    for _ in range(9):
        standing, action = after_look(standing, RUNNING, NOW, LIMITS)
        assert isinstance(action, Later)
        pauses.append((action.at - NOW) / SECOND)

    assert pauses == [30, 45, 67.5, 101.25, 151.875, 227.8125, 300, 300, 300]


@pytest.mark.parametrize(("says", "pause"), [(10, 10), (0, 1), (900, 900), (1e9, 21_600)])
def test_retry_after_decides_about_the_next_look(says: float, pause: float) -> None:
    """Microsoft's own word counts, up to the deadline of the operation."""
    _, action = after_look(ASKED, Seen("running", retry_after=says), NOW, LIMITS)

    assert action == Later(NOW + int(pause * SECOND), WaitingReason.EXPORT_PREPARING, action.detail)  # type: ignore[union-attr]


def test_the_last_look_comes_at_the_deadline_of_the_operation() -> None:
    """No wait outlasts its deadline."""
    late = NOW + 6 * HOUR - 10 * SECOND

    _, action = after_look(ASKED, RUNNING, late, LIMITS)

    assert isinstance(action, Later)
    assert action.at == NOW + 6 * HOUR


def test_the_third_operation_that_does_not_end_in_time_ends_the_export() -> None:
    """Another operation is asked for twice."""
    standing, seen = ASKED, []
    for _ in range(3):
        standing = replace(standing, location="there", asked_at=NOW)
        standing, action = after_look(standing, RUNNING, NOW + 6 * HOUR, LIMITS)
        seen.append(action)

    first, second, third = seen
    assert isinstance(first, Later)
    assert isinstance(second, Later)
    assert isinstance(third, GiveUp)
    assert third.code is FailedCode.EXPORT_FAILED
    assert standing.location is None


def test_an_operation_that_fails_is_asked_for_again_and_the_third_ends_the_export() -> None:
    """Microsoft's own words are in the detail."""
    standing, action = after_look(ASKED, FAILED, NOW, LIMITS)
    assert isinstance(action, Later)
    assert begins(standing, action.at) == Ask()

    _, action = after_look(replace(ASKED, ran_out=2), FAILED, NOW, LIMITS)

    assert isinstance(action, GiveUp)
    assert action.code is FailedCode.EXPORT_FAILED
    assert "7000 broken" in action.detail


ANSWER = PartnerCenterError(operation="billing_exports.operation", http_status=200, request_id="r-1")


@pytest.mark.parametrize(
    ("standing", "seen", "now"),
    [
        (replace(ASKED, ran_out=2), FAILED, NOW),
        (replace(ASKED, ran_out=2), RUNNING, NOW + 6 * HOUR),
        (replace(ASKED, gone=9), Seen("gone"), NOW),
        (replace(ASKED, no_data_since=NOW, no_data=9), NO_DATA, NOW + 240 * HOUR),
        (replace(FOUND, changed=2), succeeded("v9"), NOW),
        (replace(ASKED, broken={MANIFEST: 1}), Seen("succeeded", source="v1", blobs=2, counted=3), NOW),
    ],
    ids=["failed", "no end", "gone", "no data", "changed", "miscounted"],
)
def test_an_export_that_fails_has_the_answer_of_the_last_look(standing: Standing, seen: Seen, now: int) -> None:
    """A person gives it to Microsoft's support."""
    _, action = after_look(standing, replace(seen, answer=ANSWER), now, LIMITS)

    assert isinstance(action, GiveUp)
    assert action.answer == ANSWER


def test_data_that_are_not_there_are_asked_for_ever_more_rarely() -> None:
    """An hour, then twice as long each time, and twelve hours at most."""
    standing, pauses, now = ASKED, [], NOW
    for _ in range(6):
        standing, action = after_look(standing, NO_DATA, now, LIMITS)
        assert isinstance(action, Later)
        assert action.reason is WaitingReason.DATA_NOT_READY
        assert begins(standing, action.at) == Ask()
        pauses.append((action.at - now) // HOUR)

    assert pauses == [1, 2, 4, 8, 12, 12]


def test_data_that_never_come_end_the_export_at_the_deadline() -> None:
    """The last request leaves at the deadline, and not after it."""
    standing, action = after_look(ASKED, NO_DATA, NOW, LIMITS)
    almost = NOW + 240 * HOUR - HOUR
    standing, action = after_look(replace(standing, no_data=9), NO_DATA, almost, LIMITS)
    assert isinstance(action, Later)
    assert action.at == NOW + 240 * HOUR

    _, action = after_look(standing, NO_DATA, NOW + 240 * HOUR, LIMITS)

    assert isinstance(action, GiveUp)
    assert action.code is FailedCode.DATA_NOT_READY


def test_a_forgotten_operation_is_asked_for_again_and_the_stored_parts_stay() -> None:
    """410: a new operation may have the same data."""
    standing, action = after_look(FOUND, Seen("gone"), NOW, LIMITS)

    assert action == Ask()
    assert (standing.location, standing.parts) == (None, frozenset({1}))

    _, action = after_look(replace(FOUND, gone=9), Seen("gone"), NOW, LIMITS)
    assert isinstance(action, GiveUp)


def test_the_blobs_without_a_row_are_downloaded() -> None:
    """After a crash the export goes on at the first blob that is not stored."""
    assert after_look(ASKED, succeeded(), NOW, LIMITS)[1] == Download((0, 1, 2))
    assert after_look(FOUND, succeeded(), NOW, LIMITS)[1] == Download((0, 2))
    assert after_look(DONE, succeeded(), NOW, LIMITS)[1] == Publish()
    assert after_look(ASKED, succeeded(blobs=0), NOW, LIMITS)[1] == Publish()


def test_a_version_with_the_same_data_is_the_answer() -> None:
    """Nothing is downloaded where Microsoft names the same state of the data, and that is trusted."""
    assert after_look(ASKED, succeeded("v7"), NOW, LIMITS, published="v7")[1] == Already()
    assert after_look(ASKED, succeeded("v8"), NOW, LIMITS, published="v7")[1] == Download((0, 1, 2))


def test_data_that_are_published_already_are_not_downloaded_by_a_later_run() -> None:
    """The command may wait for its other lines meanwhile: Microsoft is not asked again either."""
    standing, _ = after_look(ASKED, succeeded("v7"), NOW, LIMITS, published="v7")
    kept = Standing.of(standing.to_json(), location=standing.location, changed=0, parts=standing.parts)

    assert begins(kept, NOW) == Already()
    assert begins(kept.redriven(), NOW) != Already()


def test_an_export_under_way_is_finished_although_somebody_published_the_same_data() -> None:
    """Its parts are stored already. Publishing finds the version by its content."""
    assert after_look(FOUND, succeeded(), NOW, LIMITS, published="v1")[1] == Download((0, 2))


def test_data_that_change_under_the_download_drop_its_parts_and_the_third_change_ends_the_export() -> None:
    """No version mixes two states of the data."""
    standing, actions = replace(FOUND, broken={0: 1}), []
    for number in range(2, 5):
        standing, action = after_look(standing, succeeded(f"v{number}", blobs=2), NOW, LIMITS)
        actions.append(action)
        standing = replace(standing, parts=frozenset({0}))

    assert actions[:2] == [Drop(), Drop()]
    assert isinstance(actions[2], GiveUp)
    assert actions[2].code is FailedCode.SOURCE_CHANGED
    assert standing.broken == {}


def test_a_blob_that_cannot_be_read_is_downloaded_once_more() -> None:
    """The second copy that is damaged ends the export; another blob's damage is its own."""
    standing, action = unreadable(FOUND, 2, "blob 2 is cut off")
    assert action == Download((2,))

    standing, action = unreadable(standing, 0, "blob 0 is cut off")
    assert action == Download((0,))

    _, action = unreadable(standing, 2, "blob 2 is cut off")
    assert isinstance(action, GiveUp)
    assert action.code is FailedCode.SOURCE_UNREADABLE
    assert "blob 2" in action.detail


def test_a_standing_comes_back_from_the_journal_as_it_was() -> None:
    """What the columns of the row do not hold is JSON."""
    standing = replace(FOUND, looks=4, ran_out=1, gone=2, no_data=3, no_data_since=NOW, broken={0: 1}, detail="x")

    again = Standing.of(standing.to_json(), location=standing.location, changed=0, parts=standing.parts)

    assert again == standing
