"""What a partner's user lacks at a customer to call Azure Resource Manager, and who has to grant it. Pure.

Source: https://learn.microsoft.com/partner-center/customers/gdap-faq and
https://learn.microsoft.com/partner-center/developer/gdap-and-secure-application-model.
"""

from worker.partner_center.operation import Arm

NO_CONSENT = frozenset(
    {
        *("AADSTS65001", "AADSTS650056", "AADSTS90008", "AADSTS90094", "AADSTS90099"),
        *("AADSTS700016", "AADSTS700011", "AADSTS7000229"),
    }
)
"""Codes of the sign-in: nobody at the customer has consented to the application, or the tenant does not know it."""
NO_USER = frozenset({"AADSTS50020", "AADSTS90072"})
"""Codes of the sign-in: the partner's user may not enter the customer's tenant."""
LOCKED_OUT = NO_CONSENT | NO_USER
"""Codes with which a customer's tenant refuses the partner, until somebody grants access."""
_CONSENT = (
    "Have the application consented for Azure Resource Manager (user_impersonation) in the customer's tenant: by an"
    " administrator of the customer, or by Partner Center's operation applicationconsents."
)


def need_role(arm: Arm) -> str:
    """The advice when the user has no role for an operation, as sentences for people."""
    return (
        f"Give the user of the refresh token the role {arm.role} at this customer: put the user into a security group"
        " that is a member of AdminAgents and is assigned to the GDAP relationship with the customer, or have the"
        " customer assign the role. Then send the command with a new id."
    )


def need_access(code: str, arm: Arm) -> str:
    """The advice when the sign-in refuses a token of the customer's tenant with a code of `LOCKED_OUT`."""
    return f"{_CONSENT} {need_role(arm)}" if code in NO_CONSENT else need_role(arm)
