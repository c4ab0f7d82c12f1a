"""What a failure means, as one table: (what came, Partner Center's code, effect class) to a verdict. Pure.

The first row that fits decides. The same table makes the exceptions of `answers` and of the client, so that a failure
means the same everywhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from events.codes import RejectedCode
from worker.partner_center.operation import EffectClass
from worker.partner_center.registry import operations

Cause = int | Literal["connect", "timeout", "lost", "unreadable"]
"""An HTTP status, or why there is none that counts; `unreadable` is an answer that cannot be read."""


class Verdict(StrEnum):
    """What to do about a failure."""

    RETRY_NOW = "retry now"
    RETRY_LATER = "retry later"
    THROTTLED = "throttled"
    """Wait as long as we are told. Not an attempt."""
    RECONCILE = "reconcile"
    """It may have been executed: look before acting again."""
    REFUSE = "refuse"
    """A definite no."""
    LOOK = "look"
    """A definite no to this request because of a state that is worth looking at: it may be the one that is wanted."""
    TOKEN = "token"  # noqa: S105 - the word, not a secret
    """The token was refused: a new one, once, then wait. Not an attempt."""
    NOT_PERMITTED = "not permitted"


_NUMBER = re.compile(r"[0-9]{1,9}")
_HTTP = range(100, 600)
_ANY = frozenset(EffectClass)
_READ = frozenset({EffectClass.READ})
_WRITES = _ANY - _READ
_REPEATABLE = frozenset({EffectClass.READ, EffectClass.ORPHAN})
_LASTING = _ANY - _REPEATABLE

STALE_ITEM = frozenset({"400019", "400072"})
"""The availability has rotated: read it again and mend the cart."""
STALE_CART_ITEM = frozenset({"10001"})
"""The same, said by an item of a cart."""
CONFLICTS = frozenset({"800060", "800064", "800065", "800082", "900109", "900278"})
NOT_FOUND = "1000"
"""Nothing is there: under a customer, that there is no such customer."""
STALE_ETAG = frozenset({"2055"})
FINAL_CONFLICTS = frozenset({"27009", "900112", "900113", "900114"})
SERVER_TROUBLE = frozenset({"800003", "800094", "900192"})
"""Codes that speak of a failure of the service, wherever they come."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    causes: range | frozenset[str]
    verdict: Verdict
    why: str
    codes: frozenset[str | None] | None = None
    """None means any, and none at all; None among them, that there is none."""
    effects: frozenset[EffectClass] = _ANY

    def fits(self, cause: Cause, code: str | None, effect: EffectClass) -> bool:
        """Whether this row is about such a failure."""
        return cause in self.causes and (self.codes is None or code in self.codes) and effect in self.effects


_NO_CONNECTION = frozenset({"connect"})
_DEAD_CONNECTION = frozenset({"lost"})
_UNKNOWN = (frozenset({"timeout", "lost", "unreadable"}), range(500, 600), range(300, 400), range(408, 409))
_TOLD = range(200, 500)
_NOT_ITS_OWN: frozenset[str | None] = frozenset({None})
"""No code of Partner Center's: a page of something on the way, or an empty answer. It says nothing."""
_TOO_MANY, _NO_TOKEN, _CONFLICT, _CHANGED = range(429, 430), range(401, 402), range(409, 410), range(412, 413)

TABLE: tuple[Row, ...] = (
    Row(_NO_CONNECTION, Verdict.RETRY_NOW, "it never left"),
    Row(_DEAD_CONNECTION, Verdict.RETRY_NOW, "a read on a connection that died", effects=_READ),
    *(Row(unknown, Verdict.RETRY_LATER, "repeating it does no harm", effects=_REPEATABLE) for unknown in _UNKNOWN),
    *(Row(unknown, Verdict.RECONCILE, "it may have been executed", effects=_LASTING) for unknown in _UNKNOWN),
    Row(_TOO_MANY, Verdict.THROTTLED, "too many requests"),
    Row(_NO_TOKEN, Verdict.TOKEN, "the token was refused"),
    Row(_TOLD, Verdict.RETRY_LATER, "the answer says nothing", codes=_NOT_ITS_OWN, effects=_REPEATABLE),
    Row(_TOLD, Verdict.RECONCILE, "the answer says nothing", codes=_NOT_ITS_OWN, effects=_LASTING),
    Row(_TOLD, Verdict.NOT_PERMITTED, "it takes a user's token", codes=frozenset({"900329"})),
    Row(_TOLD, Verdict.RETRY_LATER, "the service says that it failed", codes=SERVER_TROUBLE, effects=_REPEATABLE),
    Row(_TOLD, Verdict.RECONCILE, "the service says that it failed", codes=SERVER_TROUBLE, effects=_LASTING),
    Row(_TOLD, Verdict.LOOK, "the state may be the one that is wanted", codes=CONFLICTS, effects=_WRITES),
    Row(_TOLD, Verdict.LOOK, "the resource has changed: read it again", codes=STALE_ETAG, effects=_WRITES),
    Row(_CHANGED, Verdict.LOOK, "the resource has changed: read it again", effects=_WRITES),
    Row(_TOLD, Verdict.LOOK, "the item is stale: read the availability again", codes=STALE_ITEM, effects=_WRITES),
    Row(_TOLD, Verdict.REFUSE, "the state does not pass by itself", codes=FINAL_CONFLICTS),
    Row(_CONFLICT, Verdict.LOOK, "a conflict that is not known here", effects=_WRITES),
    Row(_TOLD, Verdict.REFUSE, "a definite no"),
)


def own_code(code: str | None, status: int) -> str | None:
    """The code, where it is one of Partner Center's own; None where something on the way wrote it.

    Partner Center's are numbers. Gateways write words, or an HTTP status once more; 400 beside a 401 is the one that
    Partner Center shares with them.
    """
    if code is None or not _NUMBER.fullmatch(code):
        return None
    return None if int(code) in _HTTP and status != 401 else code


def is_in_doubt(code: str | None, effect: EffectClass) -> bool:
    """Whether a request may have been executed although its answer has a status that says no."""
    return code is None and effect in _LASTING


def classify(cause: Cause, code: str | None, effect: EffectClass) -> Verdict:
    """What a failure means for an operation of this effect class.

    `cause` is an HTTP status or the reason why there is none; for a fault inside a 2xx it is that 2xx. `code` is
    Partner Center's own (`own_code`). A status that does not exist is treated as an answer that cannot be read.
    """
    row = next((row for row in TABLE if row.fits(cause, code, effect)), None)
    return row.verdict if row else classify("unreadable", None, effect)


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
"""Codes that mean something narrower in one resource family."""


def reject_code(operation: str, status: int | None, code: str | None) -> RejectedCode:
    """The code word with which a command is rejected because of a definite no to the named operation.

    It serves refusals of calls, order errors of a check-out (whose `status` is None) and errors of cart items alike.
    """
    if code is not None and code in _EVERYWHERE:
        return _EVERYWHERE[code]
    known = operations()[operation]
    family = known.family
    if (status, code) == (404, NOT_FOUND) and known.names_customer:
        return RejectedCode.CUSTOMER_NOT_FOUND
    narrower = _IN_FAMILY.get((family, code)) if code is not None else None
    if narrower is not None:
        return narrower
    return RejectedCode.ORDER_REFUSED if family in {"carts", "orders"} else RejectedCode.REFUSED_BY_PARTNER_CENTER
