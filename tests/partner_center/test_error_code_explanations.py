"""The explanations of the error codes of Microsoft's services."""

import pytest

from events.codes import Fault
from worker.partner_center import reject_codes
from worker.partner_center.answers import classification
from worker.partner_center.answers.error_code_explanations import explanations, known_codes

# fmt: off
EXPLAINED = [
    "400", "800001", "900420", "900421", "900329", "900308", "900309", "900150", "2030", "2032", "20002", "900159",
    "800039", "900149", "900123", "900124", "13605", "800073", "800074", "800075", "900416", "1000", "60003",
    "900118", "800002", "3000", "600061", "400030", "400036", "400013", "400018", "400019", "2100", "2085", "2091",
    "800020", "800070", "900142", "900143", "900144", "800008", "800009", "800010", "800017", "800018", "800064",
    "800065", "800060", "4018", "800071", "800005", "800031", "800087", "800022", "800024", "800026", "800062",
    "800023", "800025", "900121", "800066", "800068", "800089", "800069", "900203", "900206", "900116", "900419",
    "900126", "900127", "900141", "20000", "800007", "800061", "800063", "800019", "800014", "900117", "900213",
    "20003", "800037", "2055", "2001", "2002", "2006", "2011", "2054", "800097", "800040", "800081", "800091",
    "800096", "800082", "900278", "900277", "900279", "900280", "900311", "800094", "900192", "900115", "27009",
    "800111", "900307", "900337", "900335", "800011", "800012", "800013", "800030", "900312", "900313", "900314",
    "900315", "900317", "900318", "900321", "900322", "900323", "900106", "900107", "900110", "900111", "900105",
    "900108", "900119", "900120", "900130", "900109", "900112", "900113", "900114", "800003", "0", "400072", "800036",
]
CART_ITEMS = [
    "0", "10000", "10001", "10002", "10003", "10004", "10006", "10007", "10008", "10009", "10010", "10011", "10012",
    "10013", "10014", "10015", "10016", "10017", "10018", "10019", "500600",
]
# fmt: on


GRAPH = [
    "BadRequest",
    "invalidRequest",
    "InvalidAuthenticationToken",
    "unauthenticated",
    "Authorization_RequestDenied",
    "accessDenied",
    "UnknownError",
    "ResourceNotFound",
    "itemNotFound",
    "TooManyRequests",
    "activityLimitReached",
    "generalException",
    "serviceNotAvailable",
]


@pytest.mark.parametrize("code", EXPLAINED + GRAPH)
def test_every_documented_code_is_explained(code: str) -> None:
    """Each explanation has a title, a cause, a fault (who has to fix it), and advice."""
    for explanation in explanations(code):
        assert explanation.title
        assert not explanation.title.endswith(".")
        assert explanation.cause.endswith(".")
        assert explanation.advice.endswith(".")
        assert explanation.fault in Fault
    assert any(explanation.status for explanation in explanations(code))


@pytest.mark.parametrize("code", CART_ITEMS)
def test_every_error_of_a_cart_item_is_explained(code: str) -> None:
    """The errors of a cart item have no HTTP status."""
    assert any(explanation.status is None for explanation in explanations(code))


def test_a_code_with_two_meanings_has_two_explanations() -> None:
    """2006 means one thing as 403 and another as 400."""
    assert sorted(explanation.status or 0 for explanation in explanations("2006")) == [400, 403]


def test_an_unknown_code_has_none() -> None:
    """An unknown code has no metric label of its own either."""
    assert explanations("123456789") == ()
    assert explanations("") == ()


def test_every_code_that_decides_something_is_explained() -> None:
    """A person can look up every code that the worker's decisions use."""
    deciding = {code for row in classification.TABLE for code in row.codes or () if code is not None}
    deciding |= set(reject_codes._EVERYWHERE)
    deciding |= {code for _, code in reject_codes._IN_FAMILY if code}
    assert deciding - set(known_codes()) == set()
