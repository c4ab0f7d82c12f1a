"""The lists of code words are closed, as in the contract, and each word is explained."""

from dataclasses import replace

import pytest

from events.codes import BlockerKind, Code, FailedCode, Fault, RecordCode, RejectedCode, WaitingReason, codes

REJECTED = """
    invalid_command unknown_type customer_not_found no_relationship agreement_missing legacy_azure_subscription
    plan_not_found plan_ambiguous active_assets not_eligible_for_upgrade upgrade_in_progress catalog_item_unavailable
    credit_or_review order_refused earlier_outcome_unknown deadline_passed not_permitted refused_by_partner_center
    cancelled_by_operator invoice_not_found not_available currency_unknown budget_changed budget_not_supported"""
FAILED = """retries_exhausted outcome_unknown upgrade_failed order_failed partner_not_configured internal_error
    data_not_ready export_failed source_changed source_unreadable files_unavailable"""
RECORDS = "invalid_envelope invalid_json invalid_customer id_reused too_old"
REASONS = """retry throttled partner_center_unavailable token_unavailable order_provisioning assets_stopping
    assets_starting upgrade_running settling paused export_preparing data_not_ready files_unavailable"""
WAITED_FOR = "data_not_ready files_unavailable"
"""What a command first waits for, and fails with after the deadline."""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (RejectedCode, REJECTED),
        (FailedCode, FAILED),
        (RecordCode, RECORDS),
        (WaitingReason, REASONS),
        (BlockerKind, "azureSubscription reservation productUpgrade order"),
    ],
)
def test_the_lists_are_closed(kind: type[Code] | type[BlockerKind], words: str) -> None:
    """Adding a word is a documented change: this list is the one in the document."""
    assert {str(code) for code in kind} == set(words.split())


def test_a_word_means_one_thing() -> None:
    """No word is in two lists, except two that a command first waits for: they mean the same in both lists."""
    lists = (RejectedCode, FailedCode, RecordCode, WaitingReason)
    twice = set(FailedCode) & set(WaitingReason)

    assert len(codes()) == sum(len(kind) for kind in lists) - len(twice)
    assert {str(word) for word in twice} == set(WAITED_FOR.split())
    for word in twice:
        failed, waiting = FailedCode(word).meaning, WaitingReason(word).meaning
        assert replace(failed, advice=waiting.advice) == waiting


@pytest.mark.parametrize("code", codes().values())
def test_every_word_has_a_title_a_cause_a_fault_and_advice(code: Code) -> None:
    """Title, cause and advice are not empty. Cause and advice are sentences, the title is a phrase."""
    meaning = code.meaning

    assert meaning.fault in Fault
    assert meaning.title
    assert not meaning.title.endswith(".")
    assert meaning.cause.endswith(".")
    assert meaning.advice.endswith(".")


ANOTHER_WAY = {"legacy_azure_subscription", "upgrade_in_progress", "refused_by_partner_center"}


@pytest.mark.parametrize("code", [code for code in RejectedCode if code not in ANOTHER_WAY])
def test_the_advice_of_a_rejection_says_that_the_id_is_used_up(code: RejectedCode) -> None:
    """The advice to correct and send a command again says that a new id is needed."""
    assert "new id" in code.meaning.advice
