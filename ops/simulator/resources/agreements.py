"""Agreement metadata, confirmations of acceptance and the status of direct signing. All of them need a user's token.

Pages: partner-center/developer/get-customer-agreement-metadata, get-confirmation-of-customer-agreement,
get-direct-sign-status-of-customer-agreement.
"""

from ops.simulator.clock import wire_date
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.requests.answers import Answer, Json, collection, link
from ops.simulator.requests.calls import Call, Operation

MCA = "MicrosoftCustomerAgreement"
CLOUD = "MicrosoftCloudAgreement"
TEMPLATES = {MCA: "1b7a77b0-0000-4000-8000-c6dedc750cf9", CLOUD: "998b88de-0000-4000-8000-1b3517d49490"}
AGREEMENT_LINK = "https://aka.ms/customeragreement"


def agreement_metadata(call: Call) -> Answer:
    """List the templates of a type; without a type those of the old Cloud Agreement, as documented."""
    items = [
        {"templateId": TEMPLATES[name], "agreementType": name, "agreementLink": AGREEMENT_LINK, "versionRank": 0}
        for name in _types(call)
    ]
    body = collection(items)
    body["links"] = {"self": link("/agreements")}
    return Answer(200, body)


def list_confirmations(call: Call) -> Answer:
    """List the recorded acceptances; without a type those of the old Cloud Agreement, which nobody has here."""
    customer = call.customer
    items: list[Json] = []
    if MCA in _types(call):
        items = [
            {
                "userId": call.partner.user_id,
                "primaryContact": {"firstName": each.first_name, "lastName": each.last_name, "email": each.email},
                "templateId": TEMPLATES[MCA],
                "dateAgreed": wire_date(call.world.clock.date(each.agreed_at), digits=0),
                "type": MCA,
                "agreementLink": AGREEMENT_LINK,
            }
            for each in customer.confirmations
        ]
    return Answer(200, {"totalCount": len(items), "items": items})


def direct_sign_status(call: Call) -> Answer:
    """Tell whether the customer itself signed the Microsoft Customer Agreement."""
    return Answer(200, {"isSigned": call.customer.signed_directly})


def _types(call: Call) -> list[str]:
    given = call.query.get("agreementtype", CLOUD)
    if given == "*":
        return list(TEMPLATES)
    known = [name for name in TEMPLATES if name.lower() == given.lower()]
    if not known:
        raise Refused(900126, "agreementType")
    return known


OPERATIONS = (
    Operation("agreements.metadata", "GET", "/agreements", agreement_metadata, auth="user"),
    Operation(
        "agreements.confirmations", "GET", "/customers/{customer_id}/agreements", list_confirmations, auth="user"
    ),
    Operation(
        "agreements.direct_signature",
        "GET",
        "/customers/{customer_id}/directSignedMicrosoftCustomerAgreementStatus",
        direct_sign_status,
        auth="user",
    ),
)
