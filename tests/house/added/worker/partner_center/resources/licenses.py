"""Licenses of a customer's users."""

from worker.partner_center.operation import Accepted, Auth, EffectClass, Operation

ASSIGN: Operation[Accepted] = Operation(
    name="licenses.assign",
    method="POST",
    path="/customers/{customer_id}/users/{user_id}/licenseupdates",
    success=frozenset({201}),
    effect=EffectClass.STATE,
    auth=Auth.USER,
    source="https://learn.microsoft.com/partner-center/developer/assign-licenses-to-a-user",
)
