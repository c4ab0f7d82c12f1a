"""The meaning of a failure: each row of the table, and the code of a rejected command."""

import pytest

from events.codes import RejectedCode
from worker.partner_center.answers.classification import TABLE, Cause, Verdict, classify, own_code, own_name
from worker.partner_center.operation import Api, EffectClass
from worker.partner_center.reject_codes import reject_code

READ, STATE, ORPHAN, MONEY = EffectClass.READ, EffectClass.STATE, EffectClass.ORPHAN, EffectClass.MONEY
NOW, LATER, THROTTLED, RECONCILE = Verdict.RETRY_NOW, Verdict.RETRY_LATER, Verdict.THROTTLED, Verdict.RECONCILE
REFUSE, LOOK, TOKEN, NOT_PERMITTED = Verdict.REFUSE, Verdict.LOOK, Verdict.TOKEN, Verdict.NOT_PERMITTED

MEANINGS: list[tuple[Cause, str | None, EffectClass, Verdict]] = [
    ("connect", None, READ, NOW),
    ("connect", None, MONEY, NOW),
    ("lost", None, READ, NOW),
    ("lost", None, ORPHAN, LATER),
    ("lost", None, STATE, RECONCILE),
    ("lost", None, MONEY, RECONCILE),
    ("timeout", None, READ, LATER),
    ("timeout", None, ORPHAN, LATER),
    ("timeout", None, STATE, RECONCILE),
    ("timeout", None, MONEY, RECONCILE),
    ("unreadable", None, READ, LATER),
    ("unreadable", None, MONEY, RECONCILE),
    (500, "800005", MONEY, RECONCILE),
    (500, "800094", STATE, RECONCILE),
    (500, None, READ, LATER),
    (501, "0", MONEY, RECONCILE),
    (502, None, ORPHAN, LATER),
    (503, None, STATE, RECONCILE),
    (504, None, MONEY, RECONCILE),
    (408, "900225", MONEY, RECONCILE),
    (408, None, READ, LATER),
    (307, None, MONEY, RECONCILE),
    (302, None, READ, LATER),
    (429, "429", READ, THROTTLED),
    (429, None, MONEY, THROTTLED),
    (401, "400", READ, TOKEN),
    (401, "900421", MONEY, TOKEN),
    (401, None, STATE, TOKEN),
    (404, None, READ, LATER),
    (403, None, READ, LATER),
    (405, None, ORPHAN, LATER),
    (404, None, STATE, RECONCILE),
    (403, None, MONEY, RECONCILE),
    (407, None, MONEY, RECONCILE),
    (413, None, MONEY, RECONCILE),
    (414, None, READ, LATER),
    (431, None, READ, LATER),
    (451, None, STATE, RECONCILE),
    (200, None, MONEY, RECONCILE),
    (403, "900329", READ, NOT_PERMITTED),
    (403, "900329", MONEY, NOT_PERMITTED),
    (200, "800003", MONEY, RECONCILE),
    (200, "900192", READ, LATER),
    (409, "800060", MONEY, LOOK),
    (409, "800064", MONEY, LOOK),
    (409, "800064", STATE, LOOK),
    (400, "800065", MONEY, LOOK),
    (409, "800082", STATE, LOOK),
    (409, "900109", MONEY, LOOK),
    (409, "900278", STATE, LOOK),
    (400, "2055", STATE, LOOK),
    (412, None, STATE, RECONCILE),
    (412, "1", STATE, LOOK),
    (404, "400019", MONEY, LOOK),
    (200, "400072", MONEY, LOOK),
    (404, "400019", READ, REFUSE),
    (409, "27009", STATE, REFUSE),
    (409, "900113", MONEY, REFUSE),
    (409, "123", MONEY, LOOK),
    (409, "123", READ, REFUSE),
    (409, None, READ, LATER),
    (409, None, MONEY, RECONCILE),
    (403, "900115", STATE, REFUSE),
    (403, "13605", MONEY, REFUSE),
    (403, "800023", MONEY, REFUSE),
    (400, "900116", MONEY, REFUSE),
    (404, "20003", READ, REFUSE),
    (400, None, MONEY, RECONCILE),
    (417, "800036", MONEY, REFUSE),
    (299, "1", MONEY, REFUSE),
    (600, None, MONEY, RECONCILE),
    (199, None, READ, LATER),
    (401, "InvalidAuthenticationTokenTenant", READ, NOT_PERMITTED),
    (401, "ExpiredAuthenticationToken", READ, TOKEN),
    (403, "AuthorizationFailed", STATE, NOT_PERMITTED),
    (403, "Forbidden", MONEY, NOT_PERMITTED),
    (400, "InternalServerError", MONEY, RECONCILE),
    (409, "Conflict", STATE, LOOK),
    (400, "BadRequest", STATE, REFUSE),
]


@pytest.mark.parametrize(("cause", "code", "effect", "verdict"), MEANINGS)
def test_the_meaning_of_a_failure_depends_on_the_effect(
    cause: Cause, code: str | None, effect: EffectClass, verdict: Verdict
) -> None:
    """The same failure means different things to different effects."""
    assert classify(cause, code, effect) is verdict


AT_GRAPH: list[tuple[Cause, str | None, EffectClass, Verdict]] = [
    (403, "Authorization_RequestDenied", READ, NOT_PERMITTED),
    (403, "UnknownError", ORPHAN, NOT_PERMITTED),
    (403, None, READ, LATER),
    (401, "InvalidAuthenticationToken", ORPHAN, TOKEN),
    (404, "NotFound", READ, REFUSE),
    (400, "BadRequest", ORPHAN, REFUSE),
    (410, "Gone", READ, REFUSE),
    (429, "TooManyRequests", ORPHAN, THROTTLED),
    (503, "serviceNotAvailable", ORPHAN, LATER),
    (500, "generalException", READ, LATER),
]


@pytest.mark.parametrize(("cause", "code", "effect", "verdict"), AT_GRAPH)
def test_the_meaning_of_a_failure_at_microsoft_graph(
    cause: Cause, code: str | None, effect: EffectClass, verdict: Verdict
) -> None:
    """Where Microsoft Graph itself says 403, a permission is missing, whatever the word is."""
    assert classify(cause, code, effect, Api.GRAPH) is verdict


def test_every_row_of_the_table_decides_a_case() -> None:
    """Each row of the table decides at least one of the cases above. A row without a case could be removed."""
    deciding = {
        next(index for index, row in enumerate(TABLE) if row.fits(cause, code, effect, api))
        for api, meanings in ((Api.CENTER, MEANINGS), (Api.GRAPH, AT_GRAPH))
        for cause, code, effect, _ in meanings
        if any(row.fits(cause, code, effect, api) for row in TABLE)
    }
    assert [TABLE[index].why for index in range(len(TABLE)) if index not in deciding] == []


def test_a_purchase_that_may_have_been_executed_is_always_looked_at() -> None:
    """For any status or loss: a request that may have arrived is neither repeated nor refused."""
    unknown: list[Cause] = ["timeout", "lost", "unreadable", 408, *range(300, 400), *range(500, 600)]
    assert {classify(cause, None, MONEY) for cause in unknown} == {RECONCILE}


def test_a_definite_no_is_never_tried_again_by_itself() -> None:
    """That is any 4xx with a code of Partner Center, except those about time, tokens and ceilings."""
    told = set(range(400, 500)) - {401, 408, 429}
    assert {classify(status, "1", effect) for status in told for effect in EffectClass} == {REFUSE, LOOK}


def test_without_a_code_of_partner_center_no_status_is_a_no() -> None:
    """A gateway's page proves nothing: a read is repeated, and a write is looked at."""
    told = set(range(200, 500)) - {401, 429}
    assert {classify(status, None, READ) for status in told} == {LATER}
    assert {classify(status, None, ORPHAN) for status in told} == {LATER}
    assert {classify(status, None, effect) for status in told for effect in (STATE, MONEY)} == {RECONCILE}


@pytest.mark.parametrize(
    ("code", "status", "own"),
    [
        ("20002", 403, "20002"),
        ("0", 400, "0"),
        ("400", 401, "400"),
        ("1000", 404, "1000"),
        ("404", 404, None),
        ("NotFound", 404, None),
        ("", 404, None),
        ("-1", 404, None),
        ("\u0661\u0662", 404, None),
        ("1" * 40, 404, None),
        ("404", 200, None),
        ("503", 404, None),
        (None, 404, None),
    ],
)
def test_which_codes_are_partner_centers_own(code: str | None, status: int, own: str | None) -> None:
    """These are numbers, and neither words nor the status itself."""
    assert own_code(code, status) == own


@pytest.mark.parametrize(
    ("code", "status", "own"),
    [
        ("AuthorizationFailed", 403, "AuthorizationFailed"),
        ("BadRequest", 200, None),
        ("403", 403, None),
        ("two words", 400, None),
        ("", 400, None),
        (None, 400, None),
    ],
)
def test_which_codes_are_azure_resource_managers_own(code: str | None, status: int, own: str | None) -> None:
    """These are words, in an answer whose status is an error."""
    assert own_name(code, status) == own


@pytest.mark.parametrize(
    ("operation", "status", "code", "word"),
    [
        ("customers.get", 404, "60003", RejectedCode.CUSTOMER_NOT_FOUND),
        ("customers.get", 404, "1000", RejectedCode.CUSTOMER_NOT_FOUND),
        ("customers.get", 400, "800002", RejectedCode.CUSTOMER_NOT_FOUND),
        ("subscriptions.list", 404, "1000", RejectedCode.CUSTOMER_NOT_FOUND),
        ("subscriptions.get", 404, "1000", RejectedCode.CUSTOMER_NOT_FOUND),
        ("subscriptions.get", 404, "60003", RejectedCode.CUSTOMER_NOT_FOUND),
        ("azure_entitlements.list", 404, "1000", RejectedCode.CUSTOMER_NOT_FOUND),
        ("reservations.list", 404, "1000", RejectedCode.CUSTOMER_NOT_FOUND),
        ("agreements.confirmations", 404, "1000", RejectedCode.CUSTOMER_NOT_FOUND),
        ("orders.list", 404, "1000", RejectedCode.CUSTOMER_NOT_FOUND),
        ("carts.create", 404, "1000", RejectedCode.CUSTOMER_NOT_FOUND),
        ("upgrades.eligibility", 404, "1000", RejectedCode.CUSTOMER_NOT_FOUND),
        ("upgrades.eligibility", 404, "60003", RejectedCode.CUSTOMER_NOT_FOUND),
        ("upgrades.create", 404, "60003", RejectedCode.CUSTOMER_NOT_FOUND),
        ("upgrades.status", 404, "1000", RejectedCode.REFUSED_BY_PARTNER_CENTER),
        ("agreements.metadata", 404, "1000", RejectedCode.REFUSED_BY_PARTNER_CENTER),
        ("subscriptions.get", 405, "1000", RejectedCode.REFUSED_BY_PARTNER_CENTER),
        ("subscriptions.get", 404, "800037", RejectedCode.PLAN_NOT_FOUND),
        ("subscriptions.list", 400, "900118", RejectedCode.CUSTOMER_NOT_FOUND),
        ("customers.get", 403, "20002", RejectedCode.NO_RELATIONSHIP),
        ("carts.create", 403, "20002", RejectedCode.NO_RELATIONSHIP),
        ("azure_entitlements.list", 403, "900159", RejectedCode.NO_RELATIONSHIP),
        ("carts.checkout", 403, "13605", RejectedCode.AGREEMENT_MISSING),
        ("carts.create", 409, "900112", RejectedCode.UPGRADE_IN_PROGRESS),
        ("carts.checkout", 409, "900113", RejectedCode.UPGRADE_IN_PROGRESS),
        ("carts.create", 409, "900114", RejectedCode.UPGRADE_IN_PROGRESS),
        ("upgrades.create", 409, "900109", RejectedCode.UPGRADE_IN_PROGRESS),
        ("carts.checkout", 403, "800023", RejectedCode.CREDIT_OR_REVIEW),
        ("carts.checkout", 400, "800025", RejectedCode.CREDIT_OR_REVIEW),
        ("carts.checkout", 403, "900121", RejectedCode.CREDIT_OR_REVIEW),
        ("carts.checkout", 403, "800069", RejectedCode.CREDIT_OR_REVIEW),
        ("carts.create", 403, "800073", RejectedCode.CREDIT_OR_REVIEW),
        ("carts.create", 403, "800075", RejectedCode.CREDIT_OR_REVIEW),
        ("carts.checkout", None, "800023", RejectedCode.CREDIT_OR_REVIEW),
        ("carts.checkout", 400, "900116", RejectedCode.ORDER_REFUSED),
        ("carts.create", 400, "800018", RejectedCode.ORDER_REFUSED),
        ("carts.create", None, "10009", RejectedCode.ORDER_REFUSED),
        ("carts.create", 400, "800016", RejectedCode.ORDER_REFUSED),
        ("carts.create", 400, "900206", RejectedCode.ORDER_REFUSED),
        ("carts.checkout", 404, "400019", RejectedCode.ORDER_REFUSED),
        ("carts.checkout", 403, None, RejectedCode.ORDER_REFUSED),
        ("orders.get", 404, "20000", RejectedCode.ORDER_REFUSED),
        ("subscriptions.patch", 403, "900115", RejectedCode.ACTIVE_ASSETS),
        ("subscriptions.get", 404, "20003", RejectedCode.PLAN_NOT_FOUND),
        ("subscriptions.patch", 400, "900279", RejectedCode.REFUSED_BY_PARTNER_CENTER),
        ("subscriptions.patch", 403, None, RejectedCode.REFUSED_BY_PARTNER_CENTER),
        ("catalog.get_availability", 404, "400019", RejectedCode.CATALOG_ITEM_UNAVAILABLE),
        ("catalog.list_skus", 404, "400013", RejectedCode.CATALOG_ITEM_UNAVAILABLE),
        ("catalog.list_products", 403, "400030", RejectedCode.REFUSED_BY_PARTNER_CENTER),
        ("upgrades.create", 403, "900105", RejectedCode.NOT_ELIGIBLE_FOR_UPGRADE),
        ("upgrades.create", 403, "900130", RejectedCode.NOT_ELIGIBLE_FOR_UPGRADE),
        ("upgrades.create", 400, "900107", RejectedCode.REFUSED_BY_PARTNER_CENTER),
        ("azure_entitlements.cancel", 403, "900308", RejectedCode.REFUSED_BY_PARTNER_CENTER),
        ("agreements.metadata", 403, "900329", RejectedCode.NOT_PERMITTED),
    ],
)
def test_the_word_for_a_refusal(operation: str, status: int | None, code: str | None, word: RejectedCode) -> None:
    """The sender of the command reads this code."""
    assert reject_code(operation, status, code) is word
