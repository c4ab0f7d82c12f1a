"""Tokens of customers' tenants from a simulator in the same process, refused as Microsoft's sign-in refuses them."""

from ops.simulator.simulator import Simulator
from worker.partner_center.client.token_requests import NoToken
from worker.partner_center.client.trouble_explanations import trouble_of

CODES = {"missing": "AADSTS65001", "unknown_application": "AADSTS700016"}


def token_at(simulator: Simulator, tenant: str) -> str:
    """A token of the partner's user for Azure Resource Manager. Raises `NoToken` where the customer did not consent."""
    customer = simulator.find(tenant)
    if code := CODES.get(customer.consent):
        raise NoToken(f"the authority gives no token (invalid_grant {code})", trouble=trouble_of(code))
    return simulator.arm_token(customer)
