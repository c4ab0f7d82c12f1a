"""The codes with which Partner Center says no, and the status that each comes with.

Statuses and meanings: learn.microsoft.com partner-center/developer/error-codes; the words are ours.
"""

CODES: dict[int, tuple[int, str]] = {
    400: (401, "Access to this resource is denied."),
    1000: (404, "Nothing was found here."),
    2001: (400, "The quantity cannot change together with the status."),
    2002: (400, "The quantity is out of range."),
    2011: (400, "A deleted subscription cannot be updated."),
    2032: (403, "Access is denied."),
    2055: (400, "The etag is no longer valid."),
    3000: (400, "A property is invalid."),
    13605: (403, "The customer's acceptance of the Microsoft Customer Agreement has not been confirmed."),
    20000: (404, "No order has this id."),
    20002: (403, "Partner and customer have no commerce relationship."),
    20003: (404, "No subscription has this id."),
    60003: (404, "No tenant has this id."),
    400013: (404, "No product has this id."),
    400018: (404, "No SKU has this id."),
    400019: (404, "No availability has this id; read the current one and try again."),
    400030: (403, "The target segment is not allowed."),
    400036: (403, "The target view is not allowed."),
    600061: (400, "The same attestation exists already."),
    800001: (401, "The request carries no partner token."),
    800002: (400, "The request input is invalid."),
    800003: (500, "The service met an unexpected error."),
    800007: (404, "Provisioning information cannot be read."),
    800008: (404, "No cart has this id."),
    800009: (400, "The cart holds items in error."),
    800018: (400, "The sandbox limit is reached."),
    800020: (403, "The catalog item is not eligible."),
    800023: (403, "The credit line is too small for this purchase."),
    800025: (400, "The credit line is too small for this purchase."),
    800011: (400, "This is no valid Azure subscription."),
    800039: (403, "The reseller's program status is not active."),
    800040: (400, "The asset cannot change to this status from its present one."),
    800060: (409, "An order is in progress; look at the order history in a few minutes."),
    800064: (409, "The cart is being processed by another request."),
    800065: (400, "The cart has been submitted already."),
    800066: (403, "The customer has too many subscriptions."),
    800069: (403, "The order did not pass the risk check."),
    800070: (400, "The offer is not sold in this country."),
    800073: (403, "The customer's account is under review."),
    800074: (403, "The customer's account is not approved."),
    800075: (403, "The customer's account is not approved."),
    800082: (409, "The subscription is not ready to be updated."),
    800091: (400, "A suspended subscription cannot be updated."),
    800094: (500, "The subscription could not be updated."),
    800111: (404, "No Azure subscription has this entitlement id."),
    900105: (403, "Suspended Azure subscriptions cannot be moved to the Azure plan."),
    900106: (404, "No upgrade request was found."),
    900107: (400, "The catalog item for the upgrade was not found."),
    900108: (403, "The customer has no Azure subscription to upgrade."),
    900109: (409, "An earlier upgrade is in progress."),
    900110: (400, "The upgrade was completed already."),
    900111: (400, "The upgrade belongs to another customer."),
    900112: (409, "No purchase is possible while an upgrade is pending."),
    900113: (409, "No purchase is possible while an upgrade is in progress."),
    900114: (409, "No purchase is possible after an upgrade that failed."),
    900115: (403, "The Azure plan still has active Azure subscriptions."),
    900116: (400, "The sandbox account has reached its number of Azure plans."),
    900118: (400, "The customer id is invalid."),
    900119: (403, "Shared services cannot be upgraded."),
    900120: (403, "The upgrade cannot be processed."),
    900124: (403, "The partner has not accepted the Microsoft Partner Agreement."),
    900126: (400, "A value is none of its enumeration."),
    900130: (403, "The Azure subscriptions were bought too recently."),
    900142: (400, "A catalog item id is absent."),
    900149: (403, "The reseller's program status is not active."),
    900159: (403, "Partner and customer have no commerce relationship that covers this call."),
    900192: (500, "Something failed; try again later."),
    900206: (400, "The partner attestation is missing."),
    900278: (409, "An operation on this subscription is pending; try again in 24 hours."),
    900307: (400, "The cancellation reason is invalid."),
    900329: (403, "This resource does not take application-only tokens."),
    900335: (403, "The caller may not reactivate this Azure subscription."),
    900337: (400, "The Azure subscription cannot be reactivated."),
    900420: (401, "The audience of the token is not supported."),
    900421: (401, "The user's token does not show multifactor authentication."),
}


class Refused(Exception):
    """Partner Center says no: becomes an error answer of shape A, with nothing changed.

    ``status`` and ``text`` are those of ``CODES`` unless given; a code that is not there is 400. With a ``name``
    of the error the answer has shape B, as newer services write it.
    """

    def __init__(
        self,
        code: int,
        detail: str = "",
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        name: str | None = None,
        text: str | None = None,
    ) -> None:
        usual_status, usual_text = CODES.get(code, (400, "The request was refused."))
        text = text or usual_text
        self.code = code
        self.name = name
        self.status = status or usual_status
        self.description = f"{text} ({detail})" if detail else text
        self.headers = headers or {}
        super().__init__(f"{self.status}/{code} {self.description}")
