"""The code with which a command is rejected, for each refusal of Partner Center. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from events.codes import RejectedCode
from worker.partner_center.all_operations import operations
from worker.partner_center.answers.classification import NOT_FOUND

_EVERYWHERE: Mapping[str, RejectedCode] = MappingProxyType(
    {
        **dict.fromkeys(("20002", "900159"), RejectedCode.NO_RELATIONSHIP),
        **dict.fromkeys(("60003", "900118"), RejectedCode.CUSTOMER_NOT_FOUND),
        **dict.fromkeys(("900112", "900113", "900114", "900109"), RejectedCode.UPGRADE_IN_PROGRESS),
        **dict.fromkeys(
            ("800023", "800025", "900121", "800069", "800073", "800074", "800075"), RejectedCode.CREDIT_OR_REVIEW
        ),
        **dict.fromkeys(("900105", "900108", "900119", "900120", "900130"), RejectedCode.NOT_ELIGIBLE_FOR_UPGRADE),
        "13605": RejectedCode.AGREEMENT_MISSING,
        "900115": RejectedCode.ACTIVE_ASSETS,
        "900329": RejectedCode.NOT_PERMITTED,
    }
)
_IN_FAMILY: Mapping[tuple[str, str], RejectedCode] = MappingProxyType(
    {
        ("customers", "3000"): RejectedCode.CUSTOMER_NOT_FOUND,
        ("customers", "800002"): RejectedCode.CUSTOMER_NOT_FOUND,
        ("subscriptions", "20003"): RejectedCode.PLAN_NOT_FOUND,
        ("subscriptions", "800037"): RejectedCode.PLAN_NOT_FOUND,
        ("products", "400013"): RejectedCode.CATALOG_ITEM_UNAVAILABLE,
        ("products", "400018"): RejectedCode.CATALOG_ITEM_UNAVAILABLE,
        ("products", "400019"): RejectedCode.CATALOG_ITEM_UNAVAILABLE,
        ("products", "800070"): RejectedCode.CATALOG_ITEM_UNAVAILABLE,
    }
)
"""Codes with a more specific meaning in one resource family."""
_OF_INVOICE = frozenset({"billing_exports.usage_billed", "billing_exports.reconciliation_billed"})
"""Requests that name an invoice and nothing else that may not be there (404)."""


def reject_code(operation: str, status: int | None, code: str | None) -> RejectedCode:
    """The code with which a command is rejected if the named operation was refused for good.

    For refusals of calls, for order errors of a check-out and for errors of cart items (both with `status` None).
    """
    if code is not None and code in _EVERYWHERE:
        return _EVERYWHERE[code]
    known = operations()[operation]
    family = known.family
    if (status, code) == (404, NOT_FOUND) and known.names_customer:
        return RejectedCode.CUSTOMER_NOT_FOUND
    if status == 404 and operation in _OF_INVOICE:
        return RejectedCode.INVOICE_NOT_FOUND
    narrower = _IN_FAMILY.get((family, code)) if code is not None else None
    if narrower is not None:
        return narrower
    return RejectedCode.ORDER_REFUSED if family in {"carts", "orders"} else RejectedCode.REFUSED_BY_PARTNER_CENTER
