"""The form of ids in answers."""

import pytest

from worker.handling import plain_id


@pytest.mark.parametrize(
    ("identifier", "written"),
    [("3C0E5F4A-9D2B-4A6E-8F1C-5B7D2E9A0C11", "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"), ("aB1-Order", "aB1-Order")],
)
def test_a_guid_is_written_in_lower_case_and_any_other_id_as_it_came(identifier: str, written: str) -> None:
    """Partner Center changes the case of GUIDs. In an order's id the case may have a meaning."""
    assert plain_id(identifier) == written
