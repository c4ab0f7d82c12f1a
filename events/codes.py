"""The closed lists of code words, each with what it means, whose it is to mend, and what to do next.

One word serves the event, the metric, the dead letter and `azplan errors explain`. Adding one is a documented change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Self


class Fault(StrEnum):
    """Who can mend it."""

    CALLER = "caller"
    """The system that sent the command."""
    PARTNER = "partner"
    """The partner that runs azplan: its set-up, its account at Microsoft, its customers."""
    MICROSOFT = "microsoft"
    AZPLAN = "azplan"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says to a person."""

    fault: Fault
    title: str
    """A short phrase for the top of a message."""
    cause: str
    advice: str
    """What to do next, where whoever uses the code knows nothing better."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """How the worker treats a code. Other modules read this and keep no lists of codes."""

    decode_word: str = ""
    """Label `reason` of the metric `decode_failures`; empty where the record could be read."""
    retry_word: str = ""
    """Label `reason` of the metric `command_retries`; empty for a wait on which nothing has failed."""
    unanswered: bool = False
    """Microsoft did not answer in time. Metrics count the command as a fault of the system, whatever the cause."""
    patient: bool = False
    """The command has done its part, and only Microsoft is at work: a replay goes on with the next command."""
    deadline: str = "order"
    """The setting that ends a limited wait, without its ending: `order` is AZPLAN_WAITS__ORDER_DEADLINE."""


_USUAL = Treatment()


class Code(StrEnum):
    """A code word that carries its own explanation. Compares and serialises as the bare word."""

    meaning: Meaning
    treatment: Treatment

    def __new__(
        cls, word: str, fault: Fault, title: str, cause: str, advice: str, treatment: Treatment = _USUAL
    ) -> Self:
        """Make the member `word` with its explanation and its treatment."""
        code = str.__new__(cls, word)
        code._value_ = word
        code.meaning = Meaning(fault, title, cause, advice)
        code.treatment = treatment
        return code


class RejectedCode(Code):
    """Codes of `CommandRejected`: the answer is no, and stays no for this command."""

    INVALID_COMMAND = (
        "invalid_command",
        Fault.CALLER,
        "The command is not valid",
        "Its data does not fit the schema of its type, or its subject or record key names another customer.",
        "Correct what the detail names and send the command with a new id; `azplan contract` prints its schema.",
        Treatment(decode_word="schema"),
    )
    UNKNOWN_TYPE = (
        "unknown_type",
        Fault.CALLER,
        "The command type is not known",
        "This version of azplan has no command of that type and version.",
        "Check ce_type against `azplan contract`, or update azplan; then send the command with a new id.",
        Treatment(decode_word="unknown_type"),
    )
    CUSTOMER_NOT_FOUND = (
        "customer_not_found",
        Fault.CALLER,
        "The customer was not found",
        "Partner Center knows no customer with this id.",
        "Check that customerId is the customer's Microsoft Entra tenant id and that ce_partner names the account that"
        " serves it; then send the command with a new id.",
    )
    NO_RELATIONSHIP = (
        "no_relationship",
        Fault.PARTNER,
        "There is no reseller relationship with the customer",
        "The customer exists, but this partner account may not act for it.",
        "Have the customer accept your reseller relationship request, or name the account that has the relationship in"
        " ce_partner; then send the command with a new id.",
    )
    AGREEMENT_MISSING = (
        "agreement_missing",
        Fault.PARTNER,
        "The Microsoft Customer Agreement is not accepted",
        "Microsoft sells nothing to a customer who has not accepted its agreement.",
        "Have the customer accept the agreement, or attest its acceptance in Partner Center; then send the command"
        " with a new id.",
    )
    LEGACY_AZURE_SUBSCRIPTION = (
        "legacy_azure_subscription",
        Fault.CALLER,
        "The customer has a legacy Azure subscription",
        "Beside a Microsoft Azure (MS-AZR-0145P) subscription that is not deleted, no Azure plan can be bought.",
        "Send StartProductUpgrade: it moves the legacy subscription to an Azure plan.",
    )
    PLAN_NOT_FOUND = (
        "plan_not_found",
        Fault.CALLER,
        "The Azure plan was not found",
        "The customer has no Azure plan, or subscriptionId names something else.",
        "Check subscriptionId, or leave it out where the customer has exactly one Azure plan; then send the command"
        " with a new id.",
    )
    PLAN_AMBIGUOUS = (
        "plan_ambiguous",
        Fault.CALLER,
        "The customer has several Azure plans",
        "Without subscriptionId it cannot be told which of them is meant.",
        "Name one of them in subscriptionId and send the command with a new id.",
    )
    ACTIVE_ASSETS = (
        "active_assets",
        Fault.CALLER,
        "The Azure plan is in use",
        "An Azure plan can be suspended only when no Azure subscription or reservation under it is active.",
        "Cancel what blockers lists, or send activeAssets `cancel`, which cancels Azure subscriptions but no"
        " reservations; either way with a new id.",
    )
    NOT_ELIGIBLE_FOR_UPGRADE = (
        "not_eligible_for_upgrade",
        Fault.PARTNER,
        "The customer cannot be upgraded to an Azure plan",
        "Microsoft's eligibility check said no.",
        "Remove the reason that the detail gives, then send the command with a new id.",
    )
    UPGRADE_IN_PROGRESS = (
        "upgrade_in_progress",
        Fault.CALLER,
        "An upgrade to an Azure plan is open",
        "While an upgrade is pending, running or failed, Microsoft refuses to sell a plan.",
        "Follow the upgrade with StartProductUpgrade, which adopts it, instead of buying a plan.",
    )
    CATALOG_ITEM_UNAVAILABLE = (
        "catalog_item_unavailable",
        Fault.MICROSOFT,
        "The Azure plan is not for sale there",
        "Microsoft's catalog has no Azure plan that can be bought for the customer in this country.",
        "Check country and the customer's billing address; then send the command with a new id.",
    )
    CREDIT_OR_REVIEW = (
        "credit_or_review",
        Fault.MICROSOFT,
        "Microsoft holds back the purchase",
        "The credit line is used up, the risk check failed, or the customer's account is under review.",
        "Settle credit or review in Partner Center or with Microsoft support; then send the command with a new id.",
    )
    ORDER_REFUSED = (
        "order_refused",
        Fault.PARTNER,
        "Partner Center refused the order",
        "The cart or the order breaks a rule of Microsoft's, such as a missing or wrong reseller or a sandbox limit.",
        "Mend what partnerCenter describes, then send the command with a new id.",
    )
    EARLIER_OUTCOME_UNKNOWN = (
        "earlier_outcome_unknown",
        Fault.MICROSOFT,
        "An earlier command for the same effect is unresolved",
        "Partner Center never answered it, and looking does not tell whether it took effect; acting could do it twice.",
        "Find out at Microsoft what became of the order in blockers, say so with `azplan commands resolve`, then send"
        " the command with a new id.",
        Treatment(unanswered=True),
    )
    DEADLINE_PASSED = (
        "deadline_passed",
        Fault.CALLER,
        "The deadline has passed",
        "Something was still to be written at Microsoft after the instant that the command gave as its deadline.",
        "Send the command with a later deadline, or none, and a new id.",
    )
    NOT_PERMITTED = (
        "not_permitted",
        Fault.PARTNER,
        "The operation needs a user's token",
        "Microsoft accepts this operation only from app and user together.",
        "Configure AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE for the account, then send the command with a new id.",
    )
    REFUSED_BY_PARTNER_CENTER = (
        "refused_by_partner_center",
        Fault.MICROSOFT,
        "Partner Center refused the request",
        "Partner Center gave a definite no that none of the other codes describes.",
        "Run `azplan errors explain` with the code in partnerCenter; give Microsoft support partnerCenter as it is.",
    )
    CANCELLED_BY_OPERATOR = (
        "cancelled_by_operator",
        Fault.PARTNER,
        "An operator cancelled the command",
        "It was cancelled with `azplan commands cancel` before it had begun to write.",
        "Ask the operators why; where it is still wanted, send it with a new id.",
    )


class FailedCode(Code):
    """Codes of `CommandFailed`, and of the dead letter that goes with it: the worker gave up; a redrive may succeed."""

    RETRIES_EXHAUSTED = (
        "retries_exhausted",
        Fault.MICROSOFT,
        "Every attempt failed",
        "Partner Center kept failing in a way that usually passes.",
        "Look at the calls with `azplan commands show`; once Partner Center works again, redrive the dead letter.",
        Treatment(unanswered=True),
    )
    OUTCOME_UNKNOWN = (
        "outcome_unknown",
        Fault.MICROSOFT,
        "It is not known whether it took effect",
        "Partner Center never said, and looking did not tell before waiting came to its end.",
        "Find out at Microsoft with the ids in partnerCenter and blockers, then run `azplan commands resolve` with"
        " `--applied` or `--not-applied`. Do not send the command anew.",
        Treatment(unanswered=True),
    )
    UPGRADE_FAILED = (
        "upgrade_failed",
        Fault.MICROSOFT,
        "Microsoft failed the upgrade",
        "The product upgrade was started and ended in failure at Microsoft.",
        "Open a ticket with Microsoft that names the upgrade; redrive the dead letter once the customer is eligible.",
    )
    ORDER_FAILED = (
        "order_failed",
        Fault.MICROSOFT,
        "Microsoft failed the order",
        "The order was taken and ended in failure or cancellation at Microsoft.",
        "Look at the order in Partner Center; redrive the dead letter to buy anew.",
    )
    PARTNER_NOT_CONFIGURED = (
        "partner_not_configured",
        Fault.PARTNER,
        "The partner account is not configured",
        "ce_partner names an account that azplan does not have, or is missing where several are configured.",
        "Configure AZPLAN_PARTNERS__<NAME>__TENANT_ID, __CLIENT_ID and __CLIENT_SECRET and redrive the dead letter, or"
        " send the command with the right ce_partner and a new id.",
    )
    INTERNAL_ERROR = (
        "internal_error",
        Fault.AZPLAN,
        "azplan failed",
        "The command met a defect of azplan; what it did at Microsoft until then is in its timeline.",
        "Report the defect with the output of `azplan commands show --json`; after an update, redrive the dead letter.",
    )


class RecordCode(Code):
    """Codes of dead letters that never became a command."""

    INVALID_JSON = (
        "invalid_json",
        Fault.CALLER,
        "The record's value is no JSON object",
        "A command is a JSON object in UTF-8 of at most 1 MiB and 64 levels; in structured mode it is in `data`.",
        "Correct the sender; `azplan contract` prints an example of every command as a record.",
        Treatment(decode_word="json"),
    )
    INVALID_ENVELOPE = (
        "invalid_envelope",
        Fault.CALLER,
        "The record is no CloudEvent",
        "A CloudEvents attribute is missing, given twice or no proper text, so the command has no identity.",
        "Correct the header that the detail names and send the record again; it was never taken as a command.",
        Treatment(decode_word="envelope"),
    )
    INVALID_CUSTOMER = (
        "invalid_customer",
        Fault.CALLER,
        "The record names no customer",
        "customerId is missing from the data or is no GUID, so nobody could be answered.",
        "Put the customer's Microsoft Entra tenant id into customerId and send the record again.",
        Treatment(decode_word="schema"),
    )
    ID_REUSED = (
        "id_reused",
        Fault.CALLER,
        "The id belongs to another command",
        "A command with the same ce_source and ce_id but other content came first; that one and its answer stand.",
        "Give every command an id of its own and send this one with a new id.",
    )
    TOO_OLD = (
        "too_old",
        Fault.PARTNER,
        "The record is older than the journal's memory",
        "Whether it was carried out before can no longer be told, so it was not started.",
        "Check at Microsoft whether it was done; where it was not, send it with a new id.",
    )


class WaitingReason(Code):
    """Reasons of `CommandWaiting`. None needs an answer; each ends by itself or when somebody mends its cause."""

    RETRY = (
        "retry",
        Fault.MICROSOFT,
        "The last attempt failed and will be repeated",
        "Partner Center failed in a way that usually passes.",
        "Nothing: the next attempt is at `until`.",
        Treatment(retry_word="server_error"),
    )
    THROTTLED = (
        "throttled",
        Fault.PARTNER,
        "Partner Center's limit of requests is reached",
        "The account used up its requests per minute, or Partner Center asked for a pause.",
        "Nothing; where it lasts, see what else uses the account, and AZPLAN_PARTNERS__<NAME>__REQUESTS_PER_MINUTE.",
        Treatment(retry_word="throttled"),
    )
    PARTNER_CENTER_UNAVAILABLE = (
        "partner_center_unavailable",
        Fault.MICROSOFT,
        "Partner Center cannot be reached",
        "Requests of this kind fail for everybody; azplan tries one at a time until they work again.",
        "Look at Microsoft's service health and at the network; no attempt is used up meanwhile.",
        Treatment(retry_word="server_error"),
    )
    TOKEN_UNAVAILABLE = (
        "token_unavailable",
        Fault.PARTNER,
        "There is no token for the partner account",
        "Microsoft's sign-in refuses the account's secret or refresh token, or cannot be reached.",
        "Do what the detail says; `azplan check` says it too. No attempt is used up meanwhile.",
        Treatment(retry_word="auth"),
    )
    ORDER_PROVISIONING = (
        "order_provisioning",
        Fault.MICROSOFT,
        "Microsoft is working on the order",
        "The order is placed; its subscription is not there yet, or the order is in review.",
        "Nothing: the order is looked at again until its deadline.",
        Treatment(patient=True),
    )
    ASSETS_STOPPING = (
        "assets_stopping",
        Fault.MICROSOFT,
        "Cancelled Azure subscriptions are stopping",
        "Microsoft takes about ten minutes from cancelling an Azure subscription until it is inactive.",
        "Nothing: the plan is suspended once all of them are inactive.",
        Treatment(patient=True),
    )
    UPGRADE_RUNNING = (
        "upgrade_running",
        Fault.MICROSOFT,
        "Microsoft is working on the upgrade",
        "The upgrade exists and is not finished; it may take hours.",
        "Nothing: the upgrade is looked at again until its deadline.",
        Treatment(patient=True, deadline="upgrade"),
    )
    SETTLING = (
        "settling",
        Fault.MICROSOFT,
        "A request without an answer may still arrive",
        "Until that is over, neither a no nor another write would be safe.",
        "Nothing: azplan looks again at `until`.",
    )
    PAUSED = (
        "paused",
        Fault.PARTNER,
        "An operator paused commands like this one",
        "`azplan pause` holds the partner, the customer, the type, or every command.",
        "Ask the operators, or run `azplan resume`.",
    )


class BlockerKind(StrEnum):
    """What stands in the way of a command."""

    AZURE_SUBSCRIPTION = "azureSubscription"
    RESERVATION = "reservation"
    PRODUCT_UPGRADE = "productUpgrade"
    ORDER = "order"


DeadLetterCode = FailedCode | RecordCode
"""Codes of dead letters: those of `CommandFailed`, and those of records that never became a command."""


@cache
def codes() -> Mapping[str, Code]:
    """Every code and every reason by its word."""
    return MappingProxyType({code.value: code for words in Code.__subclasses__() for code in words})
