"""`azplan check --customer`: which commands work for one customer, and who has to grant what."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from events.messages.base import commands
from ops.local.simulator import CLIENT, SECRET, TENANT, SimulatorProcess
from ops.local.topics import Topics
from tests.cli.conftest import Azplan, Ended

PARTNER = "AZPLAN_PARTNERS__CONTOSO__"
OF_A_CUSTOMER = {kind.__name__ for kind in commands().values() if kind.subject == "customer"}

Check = Callable[..., Ended]


@pytest.fixture(scope="module")
def partner_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A Partner Center to call, with a user's refresh token."""
    simulator = SimulatorProcess(tmp_path_factory.mktemp("partner-center"), user=True)
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def check(
    clean_place: Path, monkeypatch: pytest.MonkeyPatch, partner_center: SimulatorProcess, azplan: Azplan
) -> Check:
    """`azplan check --customer` for a new customer of a profile, without a broker."""
    for name, value in partner_center.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AZPLAN_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")

    def run(profile: str, *flags: str, **changes: object) -> Ended:
        (customer,) = partner_center.customers(profile, 1)
        if changes:
            partner_center.change_customer(customer, **changes)
        return azplan("check", "--customer", customer, *(flags or ["--json"]))

    return run


def about(ended: Ended, name: str) -> list[dict[str, Any]]:
    """The findings about one command, or about the customer."""
    return [dict(each) for each in ended.json if each["check"] == name]


def results(ended: Ended) -> dict[str, str]:
    """The result for each command."""
    return {each["check"]: each["result"] for each in ended.json if each["check"] in OF_A_CUSTOMER}


def test_every_command_for_a_customer_has_a_line_and_nothing_is_changed(
    check: Check, partner_center: SimulatorProcess
) -> None:
    """A customer with a plan: what a command would call is named, and only reads were sent."""
    before = len(partner_center.book("requests"))
    ended = check("plan")
    assert set(results(ended)) == OF_A_CUSTOMER
    assert about(ended, "customer")[0]["detail"].endswith(".onmicrosoft.com, US, reseller)")
    assert about(ended, "ReportCustomer")[0]["detail"] == "works: every part can be read"
    suspend, _ = about(ended, "SuspendPlan")
    assert suspend["result"] == "ok"
    assert suspend["detail"].endswith("works: would call azure_entitlements.cancel, subscriptions.patch")
    sent = partner_center.book("requests")[before:]
    assert {each["operation"] for each in sent if each["method"] != "GET"} <= {
        "token.client_credentials",
        "token.refresh_token",
        "upgrades.eligibility",
    }
    assert partner_center.counts()["orders"] == 0
    assert not partner_center.book("warnings")


def test_a_command_that_only_the_customers_state_prevents_is_a_warning(check: Check) -> None:
    """Nobody has to grant anything to suspend a plan that is not there. The line has the code of the refusal."""
    ended = check("ready")
    assert results(ended) == {
        "ReportCustomer": "ok",
        "ConfirmCustomerAgreement": "ok",
        "CreateAzurePlan": "ok",
        "SuspendPlan": "warning",
        "ReactivatePlan": "warning",
        "StartProductUpgrade": "warning",
        "ReportUsage": "ok",
        "SetUsageBudget": "ok",
    }
    assert "would be rejected with plan_not_found" in about(ended, "SuspendPlan")[0]["detail"]
    assert "not_eligible_for_upgrade" in about(ended, "StartProductUpgrade")[0]["detail"]


def test_a_missing_agreement_names_the_command_that_confirms_it(check: Check) -> None:
    """CreateAzurePlan fails the check; ConfirmCustomerAgreement works."""
    ended = check("no_agreement")
    (create,) = about(ended, "CreateAzurePlan")
    assert create["result"] == "failed"
    assert create["detail"].startswith("does not work: agreement_missing")
    assert "Send ConfirmCustomerAgreement" in create["advice"]
    assert about(ended, "ConfirmCustomerAgreement")[0]["detail"] == "works: would call agreements.confirm"


def test_a_customer_without_a_relationship_is_named_and_no_command_is_tried(check: Check) -> None:
    """The advice says who has to accept what."""
    ended = check("no_relationship")
    (customer,) = about(ended, "customer")
    assert (customer["result"], customer["partner"]) == ("failed", "contoso")
    assert "no_relationship" in customer["detail"]
    assert "Have the customer accept your reseller relationship request" in customer["advice"]
    assert results(ended) == dict.fromkeys(OF_A_CUSTOMER, "skipped")


def test_a_customer_that_partner_center_does_not_know_is_said_at_once(check: Check, azplan: Azplan) -> None:
    """The check does not wait for a customer that may be new."""
    ended = azplan("check", "--customer", "00000000-0000-4000-8000-00000000dead", "--json")
    assert "customer_not_found" in about(ended, "customer")[0]["detail"]


def test_without_a_users_token_the_commands_that_take_one_do_not_work(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report leaves parts out; a purchase leaves a check out. Both are warnings, and name the token."""
    monkeypatch.delenv(f"{PARTNER}REFRESH_TOKEN_FILE")
    ended = check("ready")
    for name in ("ConfirmCustomerAgreement", "StartProductUpgrade"):
        (found,) = about(ended, name)
        assert found["result"] == "failed"
        assert "not_permitted" in found["detail"]
        assert "REFRESH_TOKEN_FILE" in found["advice"]
    (report,) = about(ended, "ReportCustomer")
    assert report["result"] == "warning"
    assert "leaves out: agreement (" in report["detail"]
    assert "upgrade (" in report["detail"]
    (create,) = about(ended, "CreateAzurePlan")
    assert create["result"] == "warning"
    assert "that takes a user's token" in create["detail"]


def test_a_role_that_the_user_lacks_at_partner_center_is_named(check: Check, partner_center: SimulatorProcess) -> None:
    """The advice is that of Partner Center's own code: who has to give which role to whom."""
    partner_center.fault("error_before", operation="upgrades.eligibility", status=403, code="900308", count=None)
    try:
        ended = check("legacy")
    finally:
        partner_center.calm()
    (found,) = about(ended, "StartProductUpgrade")
    assert found["result"] == "failed"
    assert "Give the application or the user the role" in found["advice"]
    assert "admin agent" in found["advice"]


def test_a_customer_with_several_plans_is_looked_at_plan_by_plan(check: Check) -> None:
    """Each line of a command about a plan names its plan."""
    ended = check("two_plans")
    found = about(ended, "ReactivatePlan")
    assert [each["result"] for each in found] == ["ok"] * 4
    assert len({each["detail"].split(":")[0].split(",")[0] for each in found}) == 2
    assert all(each["detail"].startswith("plan ") for each in found)


def test_a_partner_center_that_cannot_be_reached_leaves_the_customer_out(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account's own call says what is wrong. No command is tried."""
    monkeypatch.setenv(f"{PARTNER}BASE_URL", "http://127.0.0.1:1")
    ended = check("ready")
    assert about(ended, "customer")[0]["result"] == "skipped"
    assert results(ended) == dict.fromkeys(OF_A_CUSTOMER, "skipped")


def test_the_table_has_a_line_for_each_command_with_its_advice_below(check: Check) -> None:
    """Results stand in the first column, names in the second."""
    lines = check("no_agreement", "--partner", "CONTOSO").out.splitlines()
    first = next(index for index, line in enumerate(lines) if "CreateAzurePlan" in line)
    assert lines[first].startswith("failed   CreateAzurePlan           does not work: agreement_missing")
    assert lines[first + 1].strip().startswith("Send ConfirmCustomerAgreement")


def test_with_several_accounts_the_customers_account_has_to_be_named(
    check: Check, azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, and the accounts are named. With `--partner` the other account is not looked at."""
    for member, value in {"TENANT_ID": TENANT[:-1] + "1", "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET}.items():
        monkeypatch.setenv(f"AZPLAN_PARTNERS__US__{member}", value)
    ended = check("ready")
    assert ended.code == 2
    assert "contoso, us" in ended.err
    found = check("ready", "--partner", "contoso", "--json")
    assert {each["partner"] for each in found.json} == {None, "contoso"}
    assert azplan("check", "--partner", "nobody").code == 2


def test_a_customer_that_is_no_guid_is_refused(check: Check, azplan: Azplan) -> None:
    """Exit code 2; nothing was looked at."""
    ended = azplan("check", "--customer", "fabrikam")
    assert ended.code == 2
    assert "--customer" in ended.err
    assert not ended.out


def test_a_broker_that_does_not_answer_counts_before_a_command_that_does_not_work(check: Check) -> None:
    """The exit code is that of the worst finding."""
    assert check("no_agreement").code == 69


@pytest.mark.kafka
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_the_exit_code_says_whether_somebody_has_to_grant_something(
    database: str, check: Check, topics: Topics, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """0 with warnings of the customer's state alone; 1 if a command does not work before somebody grants something."""
    url = request.getfixturevalue(f"{database}_url")
    for name, value in {**topics.env, "AZPLAN_JOURNAL__URL": url}.items():
        monkeypatch.setenv(name, value)
    ended = check("plan")
    assert "warning" in results(ended).values()
    assert ended.code == 0
    assert check("no_consent").code == 1


# ---- Azure Resource Manager


def test_the_consent_that_a_customers_tenant_lacks_is_named_with_who_grants_it(
    check: Check, partner_center: SimulatorProcess
) -> None:
    """The sign-in's own code, the application's consent, the role and the GDAP relationship are in the line."""
    ended = check("no_consent")
    (token,) = about(ended, "azure token")
    assert token["result"] == "failed"
    assert "AADSTS65001" in token["detail"]
    assert partner_center.refresh_token_file.read_text().strip() not in ended.out + ended.err
    assert SECRET not in ended.out + ended.err
    for words in (
        "consented",
        "by an administrator of the customer",
        "GDAP relationship",
        "Reservations Administrator",
    ):
        assert words in token["advice"]
    assert about(ended, "azure reservations")[0]["result"] == "skipped"


def test_a_tenant_that_does_not_know_the_application_is_named(check: Check) -> None:
    """AADSTS700016 means a missing consent too."""
    ended = check("reserved", consent="unknown_application")
    assert "AADSTS700016" in about(ended, "azure token")[0]["detail"]
    assert "consented" in about(ended, "azure token")[0]["advice"]


def test_a_missing_consent_is_a_warning_while_nothing_needs_it(check: Check) -> None:
    """The customer has no reservation in force: every command works without Azure Resource Manager."""
    (token,) = about(check("ready", consent="missing"), "azure token")
    assert token["result"] == "warning"
    assert "consented" in token["advice"]


def test_the_role_that_the_user_lacks_on_a_reservation_is_named(check: Check, partner_center: SimulatorProcess) -> None:
    """The token is there. The line names the reservation order, the role, and both ways to get the role."""
    ended = check("no_azure_role")
    assert about(ended, "azure token")[0]["result"] == "ok"
    (roles,) = about(ended, "azure reservations")
    assert roles["result"] == "failed"
    assert "AuthorizationFailed" in roles["detail"]
    assert "Reservations Administrator" in roles["advice"]
    assert "AdminAgents" in roles["advice"]
    assert "have the customer assign the role" in roles["advice"]


def test_with_consent_and_role_the_reservations_can_be_read(check: Check) -> None:
    """The lines are good; a customer without reservations has none to read."""
    assert about(check("two_reserved"), "azure reservations")[0]["detail"] == "2 can be read"
    assert about(check("ready"), "azure reservations")[0]["detail"] == "the customer has none in use"


def test_without_a_user_no_token_of_the_customers_tenant_can_be_had(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advice is to sign a user in, and not about the customer."""
    monkeypatch.delenv(f"{PARTNER}REFRESH_TOKEN_FILE")
    (token,) = about(check("reserved"), "azure token")
    assert token["result"] == "failed"
    assert "REFRESH_TOKEN_FILE" in token["advice"]


def test_an_azure_resource_manager_that_cannot_be_reached_names_its_setting(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other commands are tried all the same."""
    monkeypatch.setenv(f"{PARTNER}ARM_URL", "http://127.0.0.1:1")
    ended = check("reserved")
    (found,) = about(ended, "azure reservations")
    assert f"{PARTNER}ARM_URL" in found["advice"]
    assert about(ended, "CreateAzurePlan")[0]["result"] == "ok"


def test_azure_subscriptions_are_looked_at_only_where_the_account_cancels_them_there(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`CANCEL_THROUGH=arm`: the role on each active Azure subscription is needed, and each that lacks it is named."""
    assert about(check("plan"), "azure subscriptions")[0]["result"] == "skipped"
    monkeypatch.setenv(f"{PARTNER}CANCEL_THROUGH", "arm")
    assert about(check("plan"), "azure subscriptions")[0]["detail"] == "1 can be read"
    ended = check("plan", azure_role=None)
    (roles,) = about(ended, "azure subscriptions")
    assert roles["result"] == "failed"
    assert "Owner of the Azure subscription" in roles["advice"]
    for suspend in about(ended, "SuspendPlan"):
        assert suspend["result"] == "failed"
        assert "not_permitted" in suspend["detail"]


def test_a_role_is_not_needed_where_partner_center_cancels_in_place(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`CANCEL_THROUGH=arm_then_partner_center`: a missing role or consent is a warning, and the command works."""
    monkeypatch.setenv(f"{PARTNER}CANCEL_THROUGH", "arm_then_partner_center")
    ended = check("plan", azure_role=None)
    assert about(ended, "azure subscriptions")[0]["result"] == "warning"
    assert about(ended, "SuspendPlan")[0]["result"] == "warning"
    assert "works" in about(ended, "SuspendPlan")[0]["detail"]
    assert about(check("plan", consent="missing"), "azure token")[0]["result"] == "warning"


def test_a_missing_consent_fails_where_azure_subscriptions_are_cancelled_there(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`CANCEL_THROUGH=arm`: an active Azure subscription needs the token."""
    monkeypatch.setenv(f"{PARTNER}CANCEL_THROUGH", "arm")
    assert about(check("plan", consent="missing"), "azure token")[0]["result"] == "failed"


def test_returning_reservations_is_tried_apart_from_cancelling_alone(
    check: Check, partner_center: SimulatorProcess
) -> None:
    """Each has a line. A quote is a read: what would be returned is named, and nothing is."""
    ended = check("reserved")
    alone, returning = about(ended, "SuspendPlan")
    assert alone["detail"].startswith("activeAssets cancel: would be rejected with active_assets")
    assert returning["result"] == "ok"
    assert "arm.reservations.return" in returning["detail"]
    assert partner_center.counts()["returns"] == 0


def test_returning_reservations_does_not_work_without_consent_or_role(check: Check) -> None:
    """Both are `not_permitted`, with the role and who grants it."""
    for profile in ("no_consent", "no_azure_role"):
        _, returning = about(check(profile), "SuspendPlan")
        assert returning["result"] == "failed"
        assert "not_permitted" in returning["detail"]
        assert "Reservations Administrator" in returning["advice"]


def test_a_user_who_may_read_a_reservation_and_not_return_it_is_found_by_the_quote(check: Check) -> None:
    """The list of the reservations can be read; the quote takes the right to return."""
    ended = check("reserved", reservation_role="reader")
    assert about(ended, "azure reservations")[0]["result"] == "ok"
    _, returning = about(ended, "SuspendPlan")
    assert returning["result"] == "failed"
    assert "AuthorizationFailed" in returning["detail"] + str(returning["advice"])


def test_a_reservation_that_microsoft_does_not_take_back_is_a_warning(check: Check) -> None:
    """Nobody can grant anything: Microsoft's policy refuses the return."""
    ended = check("reserved", settings={"policy_error": "SelfServiceRefundNotSupported"})
    _, returning = about(ended, "SuspendPlan")
    assert returning["result"] == "warning"
    assert "active_assets" in returning["detail"]


def test_bringing_azure_subscriptions_back_needs_the_role_too(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """`CANCEL_THROUGH=arm`: the plan alone can be reactivated, and its Azure subscriptions not without the role."""
    monkeypatch.setenv(f"{PARTNER}CANCEL_THROUGH", "arm")
    alone, with_them = about(check("suspended_plan", azure_role=None), "ReactivatePlan")
    assert alone["result"] == "ok"
    assert with_them["detail"].startswith("azureSubscriptions reactivate: ")
    assert with_them["result"] == "failed", with_them
