"""What the application, or the user, lacks to call Microsoft Graph, and who has to grant it.

Source: https://learn.microsoft.com/graph/permissions-reference#partnerbillingreadall.
"""

GRANT_PERMISSION = (
    "Give the application the permission PartnerBilling.Read.All of Microsoft Graph (as an application, or for a user"
    " who signs in) in Microsoft Entra, and have an administrator of the partner's tenant consent to it."
)
"""What to do if the permission is missing, as a sentence for people."""
NEED_PERMISSION = f"{GRANT_PERMISSION} Then send the command with a new id."
"""The advice when Microsoft Graph refuses a call for want of a permission, as sentences for people."""
