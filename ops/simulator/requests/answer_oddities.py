"""Gives plain answers the oddities of real answers, and turns them into bytes.

Each was seen in documented samples or reported by users of the vendor's clients; none changes what an answer means.
"""

import json
import random
import re
from decimal import Decimal
from typing import Any

from ops.simulator.behaviour import Hostility
from ops.simulator.invoice_lines.text import written
from ops.simulator.requests.answers import Answer, Json

BOM = b"\xef\xbb\xbf"
SHARE = 0.3
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RESOURCES = "/providers/Microsoft.Capacity/"
DATE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
NUMBER = re.compile(r'"\\u0000([-\d.]+)"')
"""A decimal as it stands in JSON text before its form is chosen."""
UNTOUCHED = frozenset({"links", "provisioningContext"})
ENUMS = frozenset(
    {
        *("status", "billingCycle", "billingType", "contractType", "transactionType", "relationshipToPartner"),
        *("state", "provisioningState"),
    }
)
GUIDS = frozenset({"id", "subscriptionId", "referenceCustomerId", "tenantId", "entitlementId", "customerId"})
COUNTS = frozenset({"totalCount", "quantity", "minimumQuantity", "maximumQuantity"})
UNDECIDING = {"unitType": "Consumption", "contractType": "evergreen", "transactionType": "Provision"}
NULLABLE = {"Subscription": "suspensionReasons", "Order": "totalPrice", "Customer": "associatedPartnerId"}


class Oddities:
    """Applies one Hostility with one source of random numbers."""

    def __init__(self, hostility: Hostility, rng: random.Random) -> None:
        self._hostility = hostility
        self._rng = rng

    def encode(self, answer: Answer) -> bytes:
        """Return the bytes of an answer's body; the answer itself stays as it is."""
        if answer.body is None:
            return answer.raw or b""
        success = answer.status < 400
        body = self._dress_answer(answer.body) if success else self._dress_error(answer.body)
        if self._hostility.member_case == "pascal":
            body = _capitalized(body)
        text = NUMBER.sub(
            self._number, json.dumps(body, separators=(",", ":"), ensure_ascii=False, default=_mark)
        ).encode()
        marked = self._hostility.bom == "always" or (success and self._hostility.bom == "successes")
        return (BOM if marked and not answer.from_gateway else b"") + text

    def _dress_answer(self, plain: Json) -> Json:
        body: Json = self._dress(plain)
        if self._hostility.missing_links and "items" in body and "next" not in body.get("links", {}) and self._chance():
            body.pop("links", None)
        if self._hostility.explicit_nulls and "value" in body and self._chance():
            body.setdefault("nextLink", None)
        if self._hostility.null_items and body.get("items"):
            body["items"].insert(self._rng.randrange(len(body["items"]) + 1), None)
        if self._hostility.extra_fields:
            body["serviceHints"] = {"ring": "r1", "isRetryable": False}
        return body

    def _dress_error(self, plain: Json) -> Json:
        as_text = self._hostility.error_codes == "text" or (self._hostility.error_codes == "mixed" and self._chance())
        if as_text and isinstance(plain.get("code"), int):
            return plain | {"code": str(plain["code"])}
        return plain

    def _dress(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._dress(item) for item in node]
        return self._dress_object(node) if isinstance(node, dict) else node

    def _dress_object(self, plain: Json) -> Json:
        node: Json = {}
        for name, value in plain.items():
            if isinstance(value, str | int) and not isinstance(value, bool):
                node[name] = self._dress_value(name, value)
            else:
                node[name] = value if name in UNTOUCHED else self._dress(value)
        kind = plain.get("attributes", {}).get("objectType")
        if self._hostility.extra_fields and kind is not None and self._chance():
            node["schemaVersion"] = "2026-01"
        if self._hostility.explicit_nulls and kind in NULLABLE and self._chance():
            node.setdefault(NULLABLE[kind], None)
        return node

    def _dress_value(self, name: str, value: str | int) -> str | int:
        if isinstance(value, int):
            text = self._hostility.numbers_as_text and name in COUNTS and self._chance()
            return str(value) if text else value
        if self._hostility.unknown_enums and name in UNDECIDING and self._chance():
            return UNDECIDING[name]
        if self._hostility.odd_case and name in ENUMS and "_" not in value and self._chance():
            return value.upper() if self._chance() else value.capitalize()
        if self._hostility.odd_case and value.startswith(RESOURCES) and self._chance():
            return value.replace(RESOURCES, RESOURCES.lower(), 1)
        if self._hostility.odd_case and name in GUIDS and GUID.fullmatch(value) and self._chance():
            return value.upper()
        return self._dress_date(name, value)

    def _dress_date(self, name: str, value: str) -> str:
        if not self._hostility.odd_dates or not DATE.fullmatch(value):
            return value
        if name == "dateAgreed":
            return value.removesuffix("Z")
        return f"{value.removesuffix('Z')}+00:00" if self._chance() else value

    def _number(self, found: re.Match[str]) -> str:
        form = self._hostility.amounts
        if form == "mixed":
            form = "text" if self._chance() else "number"
        return written(Decimal(found[1]), form)

    def _chance(self) -> bool:
        return self._rng.random() < SHARE


def _capitalized(node: Any) -> Any:
    if isinstance(node, list):
        return [_capitalized(item) for item in node]
    if isinstance(node, dict):
        return {name[:1].upper() + name[1:]: _capitalized(value) for name, value in node.items()}
    return node


def _mark(value: object) -> str:
    """Return a decimal as a marked text, for the encoder of JSON knows none."""
    if isinstance(value, Decimal):
        return f"\x00{value:f}"
    raise TypeError(f"{value!r} is not JSON")
