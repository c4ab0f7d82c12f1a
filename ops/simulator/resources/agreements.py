"""Agreement metadata, confirmations of acceptance and the status of direct signing. All of them need a user's token.

Pages: partner-center/developer/get-customer-agreement-metadata, get-confirmation-of-customer-agreement,
confirm-customer-consent-customer-agreement, get-direct-sign-status-of-customer-agreement.
"""

from datetime import UTC, datetime

from ops.simulator.clock import wire_date
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.requests.answers import Answer, Json, collection, link, present
from ops.simulator.requests.calls import Call, Operation
from ops.simulator.state import Confirmation

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
        shown = [each for each in customer.confirmations if each.listed_at is None or each.listed_at <= call.at]
        items = [_body(call, each) | {"agreementLink": AGREEMENT_LINK} for each in shown]
    return Answer(200, {"totalCount": len(items), "items": items})


def confirm_acceptance(call: Call) -> Answer:
    """Record an acceptance. The same contact again is refused with 600061: any changed value makes a new record."""
    customer, body = call.customer, call.body
    if body.get("type") != MCA:
        raise Refused(900126, "type")
    if body.get("templateid") != TEMPLATES[MCA]:
        raise Refused(800002, "templateId is no template of this type")
    if call.settings.refuse_attestation is not None:
        raise Refused(call.settings.refuse_attestation)
    agreed = Confirmation(**_contact(body.get("primarycontact")), agreed_at=_agreed_at(call, body.get("dateagreed")))
    if any(each.contact == agreed.contact for each in customer.confirmations):
        raise Refused(600061, name="PartnerConfirmedAgreementAlreadyExists")
    agreed.listed_at = call.at + call.world.lag(call.settings.agreement_lag)
    customer.confirmations.append(agreed)
    call.effect("agreement.confirmed", customer, TEMPLATES[MCA], email=agreed.email)
    return Answer(201, _body(call, agreed))


def direct_sign_status(call: Call) -> Answer:
    """Tell whether the customer itself signed the Microsoft Customer Agreement."""
    return Answer(200, {"isSigned": call.customer.signed_directly})


def _body(call: Call, each: Confirmation) -> Json:
    return {
        "userId": call.partner.user_id,
        "primaryContact": present(
            firstName=each.first_name, lastName=each.last_name, email=each.email, phoneNumber=each.phone_number
        ),
        "templateId": TEMPLATES[MCA],
        "dateAgreed": wire_date(call.world.clock.date(each.agreed_at), digits=0),
        "type": MCA,
    }


def _contact(given: object) -> dict[str, str]:
    """The contact of a body. Raises Refused unless first name, last name and e-mail are there."""
    contact = given if isinstance(given, dict) else {}
    named = {"first_name": "firstname", "last_name": "lastname", "email": "email", "phone_number": "phonenumber"}
    found = {name: contact[key] for name, key in named.items() if contact.get(key)}
    if not {"first_name", "last_name", "email"} <= found.keys():
        raise Refused(800002, "primaryContact needs firstName, lastName and email")
    return found


def _agreed_at(call: Call, given: object) -> float:
    """The instant of acceptance. Raises Refused for no date and for a date in the future."""
    try:
        date = datetime.fromisoformat(str(given))
    except ValueError:
        raise Refused(800002, "dateAgreed must be a date-time") from None
    at = call.world.clock.instant(date if date.tzinfo else date.replace(tzinfo=UTC))
    if at > call.at:
        raise Refused(800002, "dateAgreed is in the future")
    return at


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
        "agreements.confirm",
        "POST",
        "/customers/{customer_id}/agreements",
        confirm_acceptance,
        auth="user",
        effect=True,
    ),
    Operation(
        "agreements.direct_signature",
        "GET",
        "/customers/{customer_id}/directSignedMicrosoftCustomerAgreementStatus",
        direct_sign_status,
        auth="user",
    ),
)
