"""Identities: the same parts give the same UUID everywhere, and other parts give another."""

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from events.wire.identity import TERMINAL, command_uid, event_id, id_reused


def test_ids_stay_what_they_were() -> None:
    """Readers recognize republished events by their ids, so these ids never change."""
    assert command_uid("/crm", "4711") == UUID("58f6d596-f1c9-5305-983c-94bec6071e8d")
    assert event_id("/crm", "4711", 0, TERMINAL) == UUID("746bb2dd-0cd6-506a-8323-179d9b87e973")


@settings(deadline=None)
@given(st.text(), st.text(), st.text(), st.text())
def test_the_pair_identifies_a_command(source: str, id_: str, other_source: str, other_id: str) -> None:
    """Two commands have one UUID only if source and id are both the same, wherever a separator may be."""
    same = (source, id_) == (other_source, other_id)

    assert (command_uid(source, id_) == command_uid(other_source, other_id)) == same
    assert command_uid(source + id_, "") != command_uid(source, id_) or not id_


def test_each_place_of_each_story_has_its_own_id() -> None:
    """No two events of a command or of its redrives share an id. No event shares its command's id."""
    places = [
        "accepted",
        "started",
        TERMINAL,
        "waiting-1",
        "waiting-2",
        "progress-1",
        "progress-2",
        id_reused("ab"),
        id_reused("cd"),
    ]
    ids = [event_id("/crm", "4711", redrive, place) for redrive in (0, 1) for place in places]

    assert len({command_uid("/crm", "4711"), *ids}) == 2 * len(places) + 1


def test_ids_are_of_version_5() -> None:
    """The version says that the ids follow from names."""
    assert {command_uid("/crm", "\ud800").version, event_id("", "", 0, "").version} == {5}
