"""`azplan errors explain`."""

import pytest

from events.codes import codes
from tests.cli.conftest import Azplan
from worker.partner_center.answers.error_code_explanations import known_codes
from worker.partner_center.client.trouble_explanations import known_trouble


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_word_of_azplan_is_explained(code: str, azplan: Azplan) -> None:
    """Each code word has title, cause, fault and advice."""
    ended = azplan("errors", "explain", code)
    assert ended.code == 0
    meaning = codes()[code].meaning
    for text in (meaning.title, meaning.cause, meaning.advice, meaning.fault):
        assert text in ended.out


def test_every_code_of_partner_center_is_explained(azplan: Azplan) -> None:
    """The codes of the vendor's table are found by number."""
    for code, meanings in known_codes().items():
        ended = azplan("errors", "explain", code)
        assert ended.code == 0, code
        assert all(each.title in ended.out for each in meanings)


def test_every_code_of_sign_in_is_explained(azplan: Azplan) -> None:
    """Codes are found with and without AADSTS. The output has the next step and whether a person is needed."""
    for kind, row in known_trouble().items():
        for typed in (kind, kind.removeprefix("AADSTS")):
            ended = azplan("errors", "explain", typed)
            assert ended.code == 0, typed
            assert f"{kind}: {row.title}" in ended.out
            assert row.advice in ended.out
            assert "resolved by" in ended.out


def test_a_code_of_sign_in_says_who_can_resolve_it(azplan: Azplan) -> None:
    """An expired secret needs a person. A directory that does not answer does not."""
    (secret,) = azplan("errors", "explain", "AADSTS7000222", "--json").json["meanings"]
    (directory,) = azplan("errors", "explain", "90033", "--json").json["meanings"]
    assert secret["resolvedBy"] == "a person"
    assert directory["resolvedBy"] == "itself: azplan asks again"


def test_a_code_with_two_meanings_shows_both(azplan: Azplan) -> None:
    """Partner Center uses 2006 with two statuses."""
    meanings = azplan("errors", "explain", "2006", "--json").json["meanings"]
    assert [each["seenIn"] for each in meanings] == ["Partner Center, HTTP 403", "Partner Center, HTTP 400"]


def test_a_code_of_microsoft_graph_names_the_service(azplan: Azplan) -> None:
    """5000 is a number as those of Partner Center are; the others are words as those of Azure Resource Manager are."""
    (no_data,) = azplan("errors", "explain", "5000", "--json").json["meanings"]
    assert no_data["seenIn"] == "Microsoft Graph, an export that failed"
    (denied,) = azplan("errors", "explain", "authorization_requestdenied", "--json").json["meanings"]
    assert denied["seenIn"] == "Microsoft Graph, HTTP 403"
    assert "PartnerBilling.Read.All" in denied["advice"]
    (role,) = azplan("errors", "explain", "AuthorizationFailed", "--json").json["meanings"]
    assert role["seenIn"] == "Azure Resource Manager, HTTP 403"


def test_json_has_the_facts_under_their_names(azplan: Azplan) -> None:
    """Programs read these names."""
    found = azplan("errors", "explain", "ACTIVE_ASSETS", "--json").json
    assert found["code"] == "active_assets"
    assert set(found["meanings"][0]) == {"seenIn", "title", "cause", "fault", "advice"}
    assert found["meanings"][0]["seenIn"] == "CommandRejected"


@pytest.mark.parametrize(
    ("code", "near"), [("activ_assets", "active_assets"), ("80002", "800082"), ("9001150", "900115")]
)
def test_an_unknown_code_is_exit_code_3_with_suggestions(code: str, near: str, azplan: Azplan) -> None:
    """A typing error gets suggestions."""
    ended = azplan("errors", "explain", code)
    assert ended.code == 3
    assert ended.out == ""
    assert near in ended.err.partition("Did you mean")[2]


def test_a_code_that_is_like_no_other_lists_all_code_words(azplan: Azplan) -> None:
    """Without a near match, all code words are listed."""
    ended = azplan("errors", "explain", "zzzz")
    assert ended.code == 3
    assert "outcome_unknown" in ended.err
