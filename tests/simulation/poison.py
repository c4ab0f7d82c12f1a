"""Records of the commands topic that are no commands, and the expected end of each."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from events.wire.record import Outgoing

Headers = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Poison:
    """A way to spoil a record."""

    name: str
    becomes: str
    """The code of the dead letter or of the refusal."""
    dead: bool
    spoil: Callable[[Headers, bytes], tuple[Headers, bytes | None]]

    def record(self, customer: str, number: int) -> Outgoing:
        """The record that would have suspended a plan of that customer."""
        headers = {
            "ce_id": f"p-{number}".encode(),
            "ce_source": b"/crm",
            "ce_type": b"azplan.SuspendPlan.v1",
            "ce_specversion": b"1.0",
            "content-type": b"application/json",
        }
        spoilt, value = self.spoil(headers, json.dumps({"customerId": customer}).encode())
        return Outgoing(customer.encode(), value, tuple(spoilt.items()))


def _without(name: str) -> Callable[[Headers, bytes], tuple[Headers, bytes | None]]:
    return lambda headers, value: ({key: each for key, each in headers.items() if key != name}, value)


def _with(name: str, text: bytes) -> Callable[[Headers, bytes], tuple[Headers, bytes | None]]:
    return lambda headers, value: ({**headers, name: text}, value)


def _body(change: Callable[[bytes], bytes | None]) -> Callable[[Headers, bytes], tuple[Headers, bytes | None]]:
    return lambda headers, value: (headers, change(value))


POISONS = (
    Poison("no value", "invalid_json", dead=True, spoil=_body(lambda _: None)),
    Poison("no JSON", "invalid_json", dead=True, spoil=_body(lambda value: value[:-1])),
    Poison("no UTF-8", "invalid_json", dead=True, spoil=_body(lambda value: value + b"\xff")),
    Poison("no object", "invalid_json", dead=True, spoil=_body(lambda _: b"[]")),
    Poison("no id", "invalid_envelope", dead=True, spoil=_without("ce_id")),
    Poison("of a later version of CloudEvents", "invalid_envelope", dead=True, spoil=_with("ce_specversion", b"2.0")),
    Poison("no customer", "invalid_customer", dead=True, spoil=_body(lambda _: b"{}")),
    Poison("no GUID", "invalid_customer", dead=True, spoil=_body(lambda _: b'{"customerId": "Fabrikam"}')),
    Poison("of an unknown type", "unknown_type", dead=False, spoil=_with("ce_type", b"azplan.BuyTheMoon.v1")),
    Poison("of another customer", "invalid_command", dead=False, spoil=_with("ce_subject", b"somebody else")),
)
