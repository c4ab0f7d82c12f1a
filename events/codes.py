"""The closed lists of codes: what each code means, who can fix the cause, and what to do next.

One code serves the event, the metric, the dead letter and `azplan errors explain`. A new code is a documented change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Self


class Fault(StrEnum):
    """Who can fix the cause."""

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
    """What to do next, unless the place that uses the code knows better."""


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
    of_state: bool = False
    """The present state of the customer's property is the only reason: nobody has to grant anything."""
    deadline: str = "order"
    """The setting that ends a limited wait, without its ending: `order` is AZPLAN_WAITS__ORDER_DEADLINE."""


_USUAL = Treatment()


class Code(StrEnum):
    """A code with its explanation. Compares and serialises as the bare word."""

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
        "The data does not fit the schema of the type, or the subject or the record key names another customer.",
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
        "Partner Center has no customer with this id.",
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
        "Send ConfirmCustomerAgreement if the customer has accepted the agreement, or have the customer accept it on"
        " Microsoft's own pages; then send the command with a new id.",
    )
    LEGACY_AZURE_SUBSCRIPTION = (
        "legacy_azure_subscription",
        Fault.CALLER,
        "The customer has a legacy Azure subscription",
        "A customer with a Microsoft Azure (MS-AZR-0145P) subscription that is not deleted cannot buy an Azure plan.",
        "Send StartProductUpgrade: it moves the legacy subscription to an Azure plan.",
        Treatment(of_state=True),
    )
    PLAN_NOT_FOUND = (
        "plan_not_found",
        Fault.CALLER,
        "The Azure plan was not found",
        "The customer has no Azure plan, or subscriptionId names something other than an Azure plan.",
        "Check subscriptionId, or leave it out if the customer has exactly one Azure plan; then send the command with a"
        " new id.",
        Treatment(of_state=True),
    )
    PLAN_AMBIGUOUS = (
        "plan_ambiguous",
        Fault.CALLER,
        "The customer has several Azure plans",
        "The command has no subscriptionId, and azplan cannot tell which plan is meant.",
        "Name one of the plans in subscriptionId and send the command with a new id.",
        Treatment(of_state=True),
    )
    ACTIVE_ASSETS = (
        "active_assets",
        Fault.CALLER,
        "The Azure plan is in use",
        "An Azure plan can be suspended only when no Azure subscription or reservation under it is active.",
        "Cancel everything that blockers lists, or set activeAssets to `cancel`, which cancels Azure subscriptions, and"
        " reservations to `return`, which returns reservations; then send the command with a new id.",
        Treatment(of_state=True),
    )
    NOT_ELIGIBLE_FOR_UPGRADE = (
        "not_eligible_for_upgrade",
        Fault.PARTNER,
        "The customer cannot be upgraded to an Azure plan",
        "Microsoft's eligibility check answered no.",
        "Remove the reason that the detail gives, then send the command with a new id.",
        Treatment(of_state=True),
    )
    UPGRADE_IN_PROGRESS = (
        "upgrade_in_progress",
        Fault.CALLER,
        "An upgrade to an Azure plan is open",
        "While an upgrade is pending, running or failed, Microsoft does not sell a plan.",
        "Send StartProductUpgrade, which adopts and follows the upgrade, instead of buying a plan.",
        Treatment(of_state=True),
    )
    CATALOG_ITEM_UNAVAILABLE = (
        "catalog_item_unavailable",
        Fault.MICROSOFT,
        "The Azure plan is not for sale there",
        "Microsoft's catalog has no Azure plan for sale to the customer in this country.",
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
        "Fix the problem that partnerCenter describes, then send the command with a new id.",
    )
    EARLIER_OUTCOME_UNKNOWN = (
        "earlier_outcome_unknown",
        Fault.MICROSOFT,
        "An earlier command for the same effect is unresolved",
        "Partner Center never answered the earlier command, and azplan cannot find out whether that command took"
        " effect. Acting now could repeat the effect.",
        "Find out at Microsoft what became of the order in blockers, record the result with `azplan commands resolve`,"
        " then send the command with a new id.",
        Treatment(unanswered=True),
    )
    DEADLINE_PASSED = (
        "deadline_passed",
        Fault.CALLER,
        "The deadline has passed",
        "The command still had something to write, to read or to publish when its deadline passed.",
        "Send the command with a later deadline, or none, and a new id.",
    )
    NOT_PERMITTED = (
        "not_permitted",
        Fault.PARTNER,
        "The account may not do this",
        "Microsoft accepts the operation only with a token of app and user together, or a setting of the account"
        " forbids it.",
        "Configure AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE for the account, then send the command with a new id.",
    )
    INVOICE_NOT_FOUND = (
        "invoice_not_found",
        Fault.CALLER,
        "The invoice was not found",
        "Partner Center has no invoice with this id for the partner account.",
        "Take the id from `azplan invoices list`, check that ce_partner names the account that was invoiced, then send"
        " the command with a new id.",
        Treatment(of_state=True),
    )
    NOT_AVAILABLE = (
        "not_available",
        Fault.MICROSOFT,
        "Microsoft does not offer this",
        "Microsoft has retired the way to these data, has no data that old, or offers them for another kind of"
        " subscription only.",
        "Ask for what the detail names instead, in a command with a new id.",
        Treatment(of_state=True),
    )
    CURRENCY_UNKNOWN = (
        "currency_unknown",
        Fault.CALLER,
        "The partner account has no balance in this currency",
        "The currency is in none of the balances that Partner Center shows for the partner account.",
        "Take a currency from the balances that ReportInvoices answers with, and send the command with a new id.",
        Treatment(of_state=True),
    )
    BUDGET_CHANGED = (
        "budget_changed",
        Fault.CALLER,
        "The budget is another one by now",
        "ifAmount is not the customer's present budget: somebody has set another amount, or removed the budget.",
        "Look at the present amount, which the detail says, decide again, and send the command with a new id.",
        Treatment(of_state=True),
    )
    BUDGET_NOT_SUPPORTED = (
        "budget_not_supported",
        Fault.PARTNER,
        "The partner account has no budgets",
        "Microsoft has no budgets in sandbox tenants, and AZPLAN_PARTNERS__<NAME>__SANDBOX says that the account's"
        " tenant is one.",
        "Use an account of a production tenant, or set AZPLAN_PARTNERS__<NAME>__SANDBOX=false if this account's tenant"
        " is one; then send the command with a new id.",
        Treatment(of_state=True),
    )
    REFUSED_BY_PARTNER_CENTER = (
        "refused_by_partner_center",
        Fault.MICROSOFT,
        "Partner Center refused the request",
        "Partner Center gave a definite no that no other code describes.",
        "Run `azplan errors explain` with the code in partnerCenter; give Microsoft support all of partnerCenter.",
    )
    CANCELLED_BY_OPERATOR = (
        "cancelled_by_operator",
        Fault.PARTNER,
        "An operator cancelled the command",
        "An operator ran `azplan commands cancel` before the command had begun to write.",
        "Ask the operators why; if you still want the command, send it with a new id.",
    )


class FailedCode(Code):
    """Codes of `CommandFailed` and of its dead letter: the worker gave up; a redrive may succeed."""

    RETRIES_EXHAUSTED = (
        "retries_exhausted",
        Fault.MICROSOFT,
        "Every attempt failed",
        "Partner Center kept failing in a way that usually passes.",
        "Look at the calls with `azplan commands show`; when Partner Center works again, redrive the dead letter.",
        Treatment(unanswered=True),
    )
    OUTCOME_UNKNOWN = (
        "outcome_unknown",
        Fault.MICROSOFT,
        "Nobody knows whether the command took effect",
        "Partner Center never answered, and azplan could not find out before the limit of its waiting.",
        "Find out at Microsoft with the ids in partnerCenter and blockers, then run `azplan commands resolve` with"
        " `--applied` or `--not-applied`. Do not send the command again.",
        Treatment(unanswered=True),
    )
    UPGRADE_FAILED = (
        "upgrade_failed",
        Fault.MICROSOFT,
        "Microsoft failed the upgrade",
        "The product upgrade was started and failed at Microsoft.",
        "Open a ticket with Microsoft that names the upgrade; redrive the dead letter once the customer is eligible.",
    )
    ORDER_FAILED = (
        "order_failed",
        Fault.MICROSOFT,
        "Microsoft failed the order",
        "Microsoft accepted the order, and then failed or cancelled it.",
        "Look at the order in Partner Center; redrive the dead letter to buy again.",
    )
    DATA_NOT_READY = (
        "data_not_ready",
        Fault.MICROSOFT,
        "Microsoft does not have the data yet",
        "Microsoft has not finished the lines of the invoice or of the month.",
        "Look in Partner Center whether the lines are there by now, those of the invoice or of the month without one;"
        " redrive the dead letter when they are.",
    )
    EXPORT_FAILED = (
        "export_failed",
        Fault.MICROSOFT,
        "Microsoft failed the export",
        "Microsoft was asked to export the lines, and its export failed or did not end in time.",
        "Redrive the dead letter; if the export fails again, give Microsoft support all of partnerCenter.",
    )
    SOURCE_CHANGED = (
        "source_changed",
        Fault.MICROSOFT,
        "Microsoft kept changing the data",
        "Microsoft replaced the lines with other ones while azplan downloaded them, three times.",
        "Redrive the dead letter when Microsoft has finished the lines. Nothing was published from mixed lines.",
    )
    SOURCE_UNREADABLE = (
        "source_unreadable",
        Fault.MICROSOFT,
        "Microsoft's data cannot be read",
        "A part of the lines is damaged or incomplete, also when downloaded again, or its host is not a permitted one.",
        "Do what the detail says: check AZPLAN_PARTNERS__<NAME>__STORAGE_HOSTS, or ask Microsoft about the part; then"
        " redrive the dead letter.",
    )
    FILES_UNAVAILABLE = (
        "files_unavailable",
        Fault.PARTNER,
        "The place of the files cannot be used",
        "What AZPLAN_FILES__URL names refuses to be read or written, or azplan lacks the extra `finance`.",
        "Do what the detail says: check AZPLAN_FILES__URL, its rights and its credentials, or install"
        " `azplan[finance]`; then redrive the dead letter.",
    )
    PARTNER_NOT_CONFIGURED = (
        "partner_not_configured",
        Fault.PARTNER,
        "The partner account is not configured",
        "ce_partner names an account that azplan does not have, or is missing while several accounts are configured.",
        "Configure AZPLAN_PARTNERS__<NAME>__TENANT_ID, __CLIENT_ID and __CLIENT_SECRET and redrive the dead letter, or"
        " send the command with the right ce_partner and a new id.",
    )
    INTERNAL_ERROR = (
        "internal_error",
        Fault.AZPLAN,
        "azplan failed",
        "The command met a defect of azplan. Its timeline shows what it did at Microsoft until then.",
        "Report the defect with the output of `azplan commands show --json`; after an update, redrive the dead letter.",
    )


class RecordCode(Code):
    """Codes of dead letters whose record never became a command."""

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
        "A CloudEvents attribute is missing, given twice or no proper text. The command therefore has no identity.",
        "Correct the header that the detail names and send the record again; azplan never took it as a command.",
        Treatment(decode_word="envelope"),
    )
    INVALID_CUSTOMER = (
        "invalid_customer",
        Fault.CALLER,
        "The record names no customer",
        "customerId is missing from the data or is no GUID. azplan therefore cannot answer anybody.",
        "Put the customer's Microsoft Entra tenant id into customerId and send the record again.",
        Treatment(decode_word="schema"),
    )
    ID_REUSED = (
        "id_reused",
        Fault.CALLER,
        "The id belongs to another command",
        "A command with the same ce_source and ce_id but other content came first; that command and its answer stand.",
        "Give every command an id of its own and send this command with a new id.",
    )
    TOO_OLD = (
        "too_old",
        Fault.PARTNER,
        "The record is older than the journal's memory",
        "azplan can no longer tell whether the command was carried out before, and did not start it.",
        "Check at Microsoft whether the command was carried out; if not, send it with a new id.",
    )


class WaitingReason(Code):
    """Reasons of `CommandWaiting`. No wait needs an answer; each ends by itself or when somebody fixes its cause."""

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
        "The account has used up its requests per minute, or Partner Center asked for a pause.",
        "Nothing. If the wait lasts, see what else uses the account, and AZPLAN_PARTNERS__<NAME>__REQUESTS_PER_MINUTE.",
        Treatment(retry_word="throttled"),
    )
    PARTNER_CENTER_UNAVAILABLE = (
        "partner_center_unavailable",
        Fault.MICROSOFT,
        "Partner Center cannot be reached",
        "Requests of this family fail for every command; azplan sends one at a time until they work again.",
        "Look at Microsoft's service health and at the network. The wait uses up no attempts.",
        Treatment(retry_word="server_error"),
    )
    TOKEN_UNAVAILABLE = (
        "token_unavailable",
        Fault.PARTNER,
        "There is no token for the partner account",
        "Microsoft's sign-in refuses the account's secret or refresh token, or cannot be reached.",
        "Do what the detail says; `azplan check` says the same. The wait uses up no attempts.",
        Treatment(retry_word="auth"),
    )
    ORDER_PROVISIONING = (
        "order_provisioning",
        Fault.MICROSOFT,
        "Microsoft is working on the order",
        "The order is placed. Its subscription does not exist yet, or the order is in review.",
        "Nothing: azplan looks at the order again until AZPLAN_WAITS__ORDER_DEADLINE.",
        Treatment(patient=True),
    )
    ASSETS_STOPPING = (
        "assets_stopping",
        Fault.MICROSOFT,
        "Cancelled Azure subscriptions or returned reservations are stopping",
        "Microsoft takes about ten minutes to make a cancelled Azure subscription inactive, and an hour or more to"
        " carry out some returns of reservations.",
        "Nothing: azplan suspends the plan when nothing under it is active.",
        Treatment(patient=True),
    )
    ASSETS_STARTING = (
        "assets_starting",
        Fault.MICROSOFT,
        "Reactivated Azure subscriptions are starting",
        "Microsoft takes about ten minutes to make a reactivated Azure subscription active.",
        "Nothing: azplan answers when all of them are active, until AZPLAN_WAITS__ORDER_DEADLINE.",
        Treatment(patient=True),
    )
    UPGRADE_RUNNING = (
        "upgrade_running",
        Fault.MICROSOFT,
        "Microsoft is working on the upgrade",
        "The upgrade exists and is not finished. An upgrade may take hours.",
        "Nothing: azplan looks at the upgrade again until AZPLAN_WAITS__UPGRADE_DEADLINE.",
        Treatment(patient=True, deadline="upgrade"),
    )
    EXPORT_PREPARING = (
        "export_preparing",
        Fault.MICROSOFT,
        "Microsoft is preparing the export",
        "The export of the lines exists and is not finished, or another command exports the same lines.",
        "Nothing: azplan looks at the export again until AZPLAN_WAITS__EXPORT_DEADLINE.",
        Treatment(patient=True, deadline="export"),
    )
    DATA_NOT_READY = (
        "data_not_ready",
        Fault.MICROSOFT,
        "Microsoft does not have the data yet",
        "Microsoft has not finished the lines of the invoice or of the month.",
        "Nothing: azplan asks again until AZPLAN_WAITS__DATA_DEADLINE.",
        Treatment(patient=True, deadline="data"),
    )
    FILES_UNAVAILABLE = (
        "files_unavailable",
        Fault.PARTNER,
        "The place of the files cannot be used",
        "What AZPLAN_FILES__URL names refuses to be read or written, or azplan lacks the extra `finance`.",
        "Check AZPLAN_FILES__URL, its rights and its credentials; azplan tries again at `until`.",
        Treatment(retry_word="files"),
    )
    SETTLING = (
        "settling",
        Fault.MICROSOFT,
        "A request without an answer may still arrive",
        "As long as the request may arrive, neither a no nor another write is safe.",
        "Nothing: azplan looks again at `until`.",
    )
    PAUSED = (
        "paused",
        Fault.PARTNER,
        "An operator paused commands like this one",
        "`azplan pause` holds the partner, the customer, the type or every command.",
        "Ask the operators, or run `azplan resume`.",
    )


class BlockerKind(StrEnum):
    """What kind of thing at Microsoft stands in the way of a command."""

    AZURE_SUBSCRIPTION = "azureSubscription"
    RESERVATION = "reservation"
    PRODUCT_UPGRADE = "productUpgrade"
    ORDER = "order"


DeadLetterCode = FailedCode | RecordCode
"""Codes of dead letters: the codes of `CommandFailed`, and the codes of records that never became a command."""


@cache
def codes() -> Mapping[str, Code]:
    """Every code and every wait reason, by its word. A word in two lists: the reason of a wait."""
    return MappingProxyType({code.value: code for words in Code.__subclasses__() for code in words})
