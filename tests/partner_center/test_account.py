"""One call from token to answer, against a real socket: requests, retries and reports."""

import asyncio
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from tests.partner_center.authority import Authority
from tests.partner_center.conftest import CORRELATION, MakeAccount, Recorder
from tests.partner_center.wire import Line, Move, Wire, answers, cuts, hangs_up, resets, says_nothing, stalls
from tests.support.quiet import overheard
from worker.partner_center.client.account import Account
from worker.partner_center.errors import (
    GateClosed,
    NeverSent,
    NotPermitted,
    Refused,
    Throttled,
    TokenUnavailable,
    Unanswered,
    Unavailable,
)
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import agreements, azure_entitlements, carts, customers, subscriptions, upgrades

CUSTOMER = "0a1b2c3d-0000-4000-8000-00000000cafe"
CART = "0a1b2c3d-0000-4000-8000-00000000ca27"
ME = answers(200, {"id": CUSTOMER})
CHECKED_OUT = answers(201, {"orders": [{"id": "a1b2c3d4e5f6"}]})
NO_APP_TOKEN = answers(403, {"code": 900329, "description": "no application tokens here"})


def refresh_token_file(folder: Path) -> Path:
    """A file with a refresh token."""
    file = folder / "refresh-token"
    file.write_text("canary-refresh-token")
    return file


async def test_a_call_carries_the_headers_that_partner_center_wants(
    center: PartnerCenter, partner_center: Wire, run: Recorder, tokens: Authority
) -> None:
    """Token, ids, locale and application are in the headers; path and query are those of the operation."""
    partner_center.will(ME)
    customer = await customers.get(center, CUSTOMER)
    seen = partner_center.seen[0]
    assert customer.id == CUSTOMER
    assert (seen.method, seen.target) == ("GET", f"/v1/customers/{CUSTOMER}")
    assert seen.headers["authorization"] == f"Bearer {tokens.issued[0]}"
    assert seen.headers["ms-correlationid"] == CORRELATION
    assert str(UUID(seen.headers["ms-requestid"])) == run.calls[0].request_id
    assert (seen.headers["accept"], seen.headers["x-locale"]) == ("application/json", "en-US")
    assert seen.headers["ms-partnercenter-application"] == "azplan"
    assert "content-type" not in seen.headers


async def test_a_check_out_is_an_empty_post(center: PartnerCenter, partner_center: Wire) -> None:
    """It has Content-Length 0 and no content type."""
    partner_center.will(CHECKED_OUT)
    await carts.checkout(center, CUSTOMER, CART)
    seen = partner_center.seen[0]
    assert (seen.method, seen.headers["content-length"]) == ("POST", "0")
    assert "content-type" not in seen.headers


async def test_a_check_out_that_ordered_nothing_is_refused_with_the_facts_for_a_support_ticket(
    center: PartnerCenter, partner_center: Wire, run: Recorder
) -> None:
    """The error is inside a 201. Status, code and ids are those of any other refusal."""
    error = {"orderGroupId": "0", "code": 800069, "description": "risk"}
    partner_center.will(answers(201, {"orders": [], "orderErrors": [error]}))
    with pytest.raises(Refused) as refused:
        await carts.checkout(center, CUSTOMER, CART)
    no = refused.value
    assert (no.status, no.code, no.description) == (201, "800069", "risk")
    assert (no.request_id, no.correlation_id) == (run.calls[0].request_id, CORRELATION)
    assert (run.calls[0].code, run.calls[0].answered) == ("800069", True)


async def test_a_call_is_told_to_its_run(center: PartnerCenter, partner_center: Wire, run: Recorder) -> None:
    """The run gets operation, step, status, ids and code, with the key by which answers are counted."""
    partner_center.will(answers(403, {"code": 20002, "description": "no relationship"}))
    with pytest.raises(Refused):
        await customers.get(center.within("look"), CUSTOMER)
    call = run.calls[0]
    assert (call.operation, call.step, call.status, call.code) == ("customers.get", "look", 403, "20002")
    assert call.key == f"look|GET|/v1/customers/{CUSTOMER}"
    assert call.answered
    assert call.duration > 0
    assert run.gated == [("customers.get", "look")]


@pytest.mark.parametrize(
    ("first", "answered"),
    [
        (ME, True),
        (answers(404, {"code": 1000}), True),
        (answers(429, {}, Retry_After="1"), False),
        (answers(500, {}), False),
        (answers(200, b'{"id": "cut'), False),
        (hangs_up, False),
        (cuts, False),
    ],
    ids=["200", "404", "429", "500", "unreadable", "no answer", "cut"],
)
async def test_a_request_id_changes_after_an_answer_and_only_then(
    center: PartnerCenter, partner_center: Wire, run: Recorder, first: Move, answered: bool
) -> None:
    """By Microsoft's rule a time-out keeps the id, and any answer changes it. 429, 5xx and cut answers do not count."""
    partner_center.will(first, ME)
    partner_center.react = lambda _: ME
    for _ in range(2):
        try:
            await customers.get(center, CUSTOMER)
        except (Refused, Throttled, Unanswered):
            continue
    ids = [seen.headers["ms-requestid"] for seen in partner_center.seen[:2]]
    assert (ids[0] != ids[1]) is answered
    assert run.calls[0].answered is answered


async def test_different_requests_have_different_ids(center: PartnerCenter, partner_center: Wire) -> None:
    """Another step, path or body makes another id."""
    partner_center.react = lambda _: answers(200, {"id": CUSTOMER})
    await carts.get(center, CUSTOMER, CART)
    await carts.get(center.within("cart"), CUSTOMER, CART)
    await carts.get(center, CUSTOMER, "other")
    await carts.update(center, CUSTOMER, CART, {"id": CART})
    await carts.update(center, CUSTOMER, "other", {"id": "other"})
    ids = {seen.headers["ms-requestid"] for seen in partner_center.seen}
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("move", "status"),
    [(hangs_up, "lost"), (resets, "lost"), (cuts, "lost"), (answers(500, {}), 500), (answers(503, b"busy"), 503)],
    ids=["hung up", "reset", "cut", "500", "503"],
)
async def test_a_write_that_may_have_arrived_is_not_tried_again(
    center: PartnerCenter, partner_center: Wire, run: Recorder, move: Move, status: object
) -> None:
    """The call raises `Unanswered`, and sends no second request."""
    partner_center.will(move)
    partner_center.react = lambda _: CHECKED_OUT
    with pytest.raises(Unanswered) as caught:
        await carts.checkout(center, CUSTOMER, CART)
    assert len(partner_center.seen) == 1
    assert [call.status for call in run.calls] == [status]
    assert caught.value.request_id == run.calls[0].request_id


async def test_a_write_that_gets_no_answer_in_time(
    make_account: MakeAccount, partner_center: Wire, run: Recorder
) -> None:
    """The time-out comes from the settings, and the outcome is unknown."""
    partner_center.will(says_nothing)
    with pytest.raises(Unanswered, match=r"0\.3 s"):
        await carts.checkout(make_account(call_timeout=0.3).center(run), CUSTOMER, CART)
    assert run.calls[0].status == "timeout"


async def test_a_read_on_a_dead_connection_is_tried_again_twice(
    center: PartnerCenter, partner_center: Wire, run: Recorder
) -> None:
    """A second read does no harm: a kept connection that breaks costs only a moment. The id stays the same."""
    partner_center.will(hangs_up, resets, ME)
    assert (await customers.get(center, CUSTOMER)).id == CUSTOMER
    assert [call.status for call in run.calls] == ["lost", "lost", 200]
    assert len({seen.headers["ms-requestid"] for seen in partner_center.seen}) == 1


async def test_a_request_that_never_left_is_tried_twice_more(
    make_account: MakeAccount, partner_center: Wire, run: Recorder
) -> None:
    """This holds for writes too. After these retries the command tries again later."""
    partner_center.port = 1
    with pytest.raises(NeverSent):
        await carts.checkout(make_account().center(run), CUSTOMER, CART)
    assert [call.status for call in run.calls] == ["connect"] * 3
    assert run.gated == []


async def test_a_closed_gate_sends_nothing_and_tells_nothing(
    center: PartnerCenter, partner_center: Wire, run: Recorder
) -> None:
    """There is no request, no retry, and no call in the timeline."""
    run.gate_raises = GateClosed("carts.checkout", "the lane was lost")
    with pytest.raises(GateClosed):
        await carts.checkout(center, CUSTOMER, CART)
    assert (partner_center.seen, run.calls, len(run.gated)) == ([], [], 1)


async def test_a_short_retry_after_is_waited_out(center: PartnerCenter, partner_center: Wire, run: Recorder) -> None:
    """The wait is two seconds at most. Nothing was executed, so this holds for writes too."""
    partner_center.will(answers(429, {"statusCode": 429, "message": "slow down"}, Retry_After="1"), CHECKED_OUT)
    await carts.checkout(center, CUSTOMER, CART)
    assert [call.status for call in run.calls] == [429, 201]


async def test_a_long_retry_after_is_waited_out_elsewhere_by_all(
    center: PartnerCenter, account: Account, partner_center: Wire
) -> None:
    """The error holds the delay, and other callers of the family are held back without a request."""
    partner_center.will(answers(429, {"statusCode": 429, "message": "slow down"}, Retry_After="57"))
    with pytest.raises(Throttled) as caught:
        await carts.checkout(center, CUSTOMER, CART)
    assert 57 <= caught.value.delay < 58
    with pytest.raises(Throttled) as held:
        await carts.get(account.center(Recorder(command=UUID(int=2))), CUSTOMER, CART)
    assert 56 < held.value.delay < 60
    assert (len(partner_center.seen), held.value.status) == (1, None)
    partner_center.will(ME)
    assert await customers.get(center, CUSTOMER)


async def test_a_503_with_retry_after_holds_the_family_back(center: PartnerCenter, partner_center: Wire) -> None:
    """The request itself is unanswered. The next requests wait as Partner Center asked."""
    partner_center.will(answers(503, b"", Retry_After="30"))
    with pytest.raises(Unanswered):
        await carts.checkout(center, CUSTOMER, CART)
    with pytest.raises(Throttled):
        await carts.get(center, CUSTOMER, CART)


async def test_the_ceiling_of_the_settings_holds_in_any_minute(
    make_account: MakeAccount, partner_center: Wire, run: Recorder
) -> None:
    """The request beyond the ceiling is not made. Another family has a ceiling of its own."""
    partner_center.react = lambda _: ME
    center = make_account(limit=3).center(run)
    for _ in range(3):
        await customers.get(center, CUSTOMER)
    with pytest.raises(Throttled) as caught:
        await customers.get(center, CUSTOMER)
    assert 55 < caught.value.delay <= 60
    await carts.get(center, CUSTOMER, CART)
    assert len(partner_center.seen) == 4


async def test_a_401_gets_one_new_token(center: PartnerCenter, partner_center: Wire, tokens: Authority) -> None:
    """A refused token is replaced at once, and the call is tried again as a new request."""
    partner_center.will(answers(401, {"code": 400, "description": "access denied"}), CHECKED_OUT)
    await carts.checkout(center, CUSTOMER, CART)
    sent = [seen.headers["authorization"] for seen in partner_center.seen]
    assert sent == [f"Bearer {token}" for token in tokens.issued]
    assert len({seen.headers["ms-requestid"] for seen in partner_center.seen}) == 2


async def test_a_401_that_partner_center_did_not_write_leaves_a_write_in_doubt(
    center: PartnerCenter, partner_center: Wire, tokens: Authority
) -> None:
    """The write is not repeated at once: the command looks first. The next request has a new token and the same id."""
    partner_center.will(answers(401), CHECKED_OUT)
    with pytest.raises(TokenUnavailable) as caught:
        await carts.checkout(center, CUSTOMER, CART)
    assert (caught.value.in_doubt, caught.value.delay) == (True, 2.0)
    assert len(partner_center.seen) == 1
    await carts.checkout(center, CUSTOMER, CART)
    assert [seen.headers["authorization"] for seen in partner_center.seen] == [f"Bearer {one}" for one in tokens.issued]
    assert len({seen.headers["ms-requestid"] for seen in partner_center.seen}) == 1


async def test_a_second_401_means_waiting(center: PartnerCenter, account: Account, partner_center: Wire) -> None:
    """The wait is no attempt. The account complains until Partner Center accepts a token again."""
    no = answers(401, {"code": 900421, "description": "multi-factor sign-in missing"})
    partner_center.will(no, no)
    with pytest.raises(TokenUnavailable) as caught:
        await customers.get(center, CUSTOMER)
    assert caught.value.delay > 0
    (complaint,) = account.complaints()
    assert "The user did not sign in with a second factor (900421). Sign the user in again" in complaint
    assert "multi-factor sign-in missing" not in complaint, "Partner Center's own words are for the log"
    assert "Sign the user in again" in caught.value.advice
    partner_center.will(ME)
    await customers.get(center, CUSTOMER)
    assert account.complaints() == ()


async def test_no_token_no_request(
    center: PartnerCenter, account: Account, partner_center: Wire, tokens: Authority
) -> None:
    """If the authority refuses, nothing is sent. The reason holds the authority's code and not the secret."""
    tokens.refusal = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}
    with pytest.raises(TokenUnavailable, match="AADSTS7000215") as caught:
        await customers.get(center, CUSTOMER)
    assert caught.value.delay > 0
    assert partner_center.seen == []
    assert "AADSTS7000215" in account.complaints()[0]


async def test_an_operation_for_users_needs_one(center: PartnerCenter, partner_center: Wire) -> None:
    """Without a user's token the call sends nothing, and `permits` is false."""
    assert not center.permits(upgrades.CREATE)
    assert center.permits(carts.CREATE)
    with pytest.raises(NotPermitted, match="takes a user's token"):
        await upgrades.create(center, CUSTOMER)
    assert partner_center.seen == []


async def test_an_operation_for_users_gets_a_users_token(
    make_account: MakeAccount, partner_center: Wire, run: Recorder, tokens: Authority, tmp_path: Path
) -> None:
    """It uses the refresh token. An operation that takes both kinds uses the application's token."""
    center = make_account(refresh_token_file=refresh_token_file(tmp_path)).center(run)
    assert center.permits(agreements.DIRECT_SIGNATURE)
    partner_center.will(answers(200, {"isSigned": True}), ME)
    await agreements.direct_signature(center, CUSTOMER)
    await customers.get(center, CUSTOMER)
    assert [form["grant_type"] for form in tokens.asked] == ["refresh_token", "client_credentials"]


async def test_an_operation_that_takes_no_application_token_after_all(
    make_account: MakeAccount, partner_center: Wire, run: Recorder, tmp_path: Path
) -> None:
    """900329 comes although both kinds of token are documented. From then on the user's token is used."""
    center = make_account(refresh_token_file=refresh_token_file(tmp_path)).center(run)
    yes = answers(202, b"")
    partner_center.will(NO_APP_TOKEN, yes, yes)
    for _ in range(2):
        await azure_entitlements.cancel(center, CUSTOMER, "plan", "azure")
    assert [call.status for call in run.calls] == [403, 202, 202]


async def test_900329_without_a_user_is_not_permitted(center: PartnerCenter, partner_center: Wire) -> None:
    """The account remembers the answer of Partner Center and does not ask again."""
    partner_center.will(NO_APP_TOKEN)
    for _ in range(2):
        with pytest.raises(NotPermitted):
            await azure_entitlements.cancel(center, CUSTOMER, "plan", "azure")
    assert len(partner_center.seen) == 1
    assert not center.permits(azure_entitlements.CANCEL)


async def test_the_circuit_stops_asking_after_five_failures(
    center: PartnerCenter, account: Account, partner_center: Wire, run: Recorder
) -> None:
    """Nothing is sent to that family. Other families go on."""
    partner_center.react = lambda seen: ME if "/carts" not in seen.target else answers(500, {})
    for _ in range(5):
        with pytest.raises(Unanswered):
            await carts.checkout(center, CUSTOMER, CART)
    with pytest.raises(Unavailable) as caught:
        await carts.checkout(center, CUSTOMER, CART)
    assert caught.value.delay > 0
    assert len(run.calls) == 5
    assert account.complaints() == ("account contoso: Partner Center does not answer requests for carts",)
    await customers.get(center, CUSTOMER)


async def test_a_circuit_that_opened_and_closed_is_logged_once_each(
    account: Account, center: PartnerCenter, partner_center: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has account, family and reason. Probes in between, and later requests, are not logged."""
    failing = True
    partner_center.react = lambda _: answers(500, {"description": "out of order"}) if failing else ME
    now = 0.0
    monkeypatch.setattr(account._state.clock, "monotonic", lambda: now, raising=False)
    with overheard() as lines:
        for _ in range(5):
            with pytest.raises(Unanswered):
                await carts.checkout(center, CUSTOMER, CART)
        for _ in range(3):
            now += 1000
            with pytest.raises(Unanswered):
                await carts.checkout(center, CUSTOMER, CART)
            with pytest.raises(Unavailable):
                await carts.checkout(center, CUSTOMER, CART)
        failing = False
        now += 1000
        with suppress(Unanswered):
            await carts.get(center, CUSTOMER, CART)
    said = [line for line in lines if line["event"].startswith("circuit.")]
    assert [(line["event"], line["log_level"]) for line in said] == [
        ("circuit.opened", "warning"),
        ("circuit.closed", "info"),
    ]
    assert {(line["partner"], line["family"]) for line in said} == {("contoso", "carts")}
    assert "500: out of order" in said[0]["reason"]
    assert said[1]["open_seconds"] == 4000


async def test_ceilings_and_their_use_are_told_by_family(
    center: PartnerCenter, account: Account, partner_center: Wire
) -> None:
    """Only families with calls have a ceiling. No customer is in its name."""
    partner_center.react = lambda _: ME
    assert list(account.ceilings()) == []
    for _ in range(3):
        await customers.get(center, CUSTOMER)
    assert list(account.ceilings()) == [("customers", 500, 3)]


async def test_refusals_do_not_open_the_circuit(center: PartnerCenter, partner_center: Wire) -> None:
    """A refusal is an answer and shows that Partner Center is there."""
    partner_center.react = lambda _: answers(404, {"code": 800008, "description": "no such cart"})
    for _ in range(7):
        with pytest.raises(Refused):
            await carts.get(center, CUSTOMER, CART)
    assert len(partner_center.seen) == 7


async def test_a_cancelled_caller_does_not_cut_off_a_write(
    center: PartnerCenter, account: Account, partner_center: Wire, run: Recorder
) -> None:
    """The caller is cancelled at once. The answer is still reported to the run, and closing waits for it."""
    answer_now = asyncio.Event()

    async def late(line: Line) -> None:
        await answer_now.wait()
        await CHECKED_OUT(line)

    partner_center.will(late)
    task = asyncio.create_task(carts.checkout(center, CUSTOMER, CART))
    await partner_center.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert run.calls == []
    closing = asyncio.create_task(account.close())
    answer_now.set()
    await closing
    assert [(call.status, call.answered) for call in run.calls] == [(201, True)]


async def test_a_cancelled_caller_takes_back_a_write_that_has_not_left(
    make_account: MakeAccount, partner_center: Wire, tokens: Authority
) -> None:
    """While the token is being requested nothing has left, and nothing leaves later."""
    run = Recorder()
    center = make_account().center(run)
    tokens.wire.will(says_nothing)
    task = asyncio.create_task(carts.checkout(center, CUSTOMER, CART))
    await tokens.wire.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    tokens.wire.released.set()
    assert (partner_center.seen, run.gated) == ([], [])


async def test_a_cancelled_read_is_cut_off(center: PartnerCenter, partner_center: Wire, run: Recorder) -> None:
    """Nobody needs its answer."""
    partner_center.will(stalls)
    task = asyncio.create_task(customers.get(center, CUSTOMER))
    await partner_center.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert run.calls == []


async def test_a_slow_change_is_accepted_without_a_body(center: PartnerCenter, partner_center: Wire) -> None:
    """The answer is 202 to a PATCH: the change is accepted, and the subscription must be read again."""
    partner_center.will(answers(200, {"id": "s", "status": "active"}), answers(202, b"", Location="/customers/c/x"))
    subscription = await subscriptions.get(center, CUSTOMER, "s")
    assert await subscriptions.patch(center, CUSTOMER, subscription, status="suspended") is None


async def test_many_calls_share_few_connections(make_account: MakeAccount, partner_center: Wire, run: Recorder) -> None:
    """Callers beyond the connections wait for one, and all are served."""
    partner_center.react = lambda _: ME
    account = make_account()
    account._state.service(customers.LIST).transport.free_connection = asyncio.Semaphore(2)
    center = account.center(run)
    await asyncio.gather(*(customers.get(center, CUSTOMER) for _ in range(20)))
    assert (len(partner_center.seen), partner_center.connections) == (20, 2)


async def test_answers_that_cannot_be_read_are_the_trouble_of_one_call(
    center: PartnerCenter, account: Account, partner_center: Wire
) -> None:
    """Other commands of the family go on after any number of them, and the account does not complain."""
    partner_center.will(*[answers(200, {}, X_Long="a" * 70_000)] * 8, ME)
    errors = []
    for _ in range(8):
        with pytest.raises(Unanswered, match="a header of the answer is longer") as caught:
            await customers.get(center, CUSTOMER)
        errors.append(caught.value)
    assert all(error.is_foreign and error.status is None for error in errors)
    assert [error.outage is None for error in errors] == [True] * 4 + [False] * 4
    assert account.complaints() == ()
    assert (await customers.get(center, CUSTOMER)).id
