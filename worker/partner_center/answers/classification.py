"""The meaning of failures, as one table from (status or cause, Microsoft's code, effect class) to a verdict. Pure.

The first row that fits decides. `answers.answer_parsing` and the client use the same table, so a failure means the same
everywhere.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from worker.partner_center.operation import Api, EffectClass

Cause = int | Literal["connect", "timeout", "lost", "unreadable"]
"""An HTTP status, or the reason why there is none. `unreadable`: an answer came that cannot be read."""


class Verdict(StrEnum):
    """What to do about a failure."""

    RETRY_NOW = "retry now"
    RETRY_LATER = "retry later"
    THROTTLED = "throttled"
    """Wait as long as Partner Center asks. Not an attempt."""
    RECONCILE = "reconcile"
    """The request may have been executed: look before acting again."""
    REFUSE = "refuse"
    """Refused for good."""
    LOOK = "look"
    """Refused because of the present state. Look at the state: it may be the wanted one."""
    TOKEN = "token"  # noqa: S105 - the word, not a secret
    """The token was refused: get a new one, once, then wait. Not an attempt."""
    NOT_PERMITTED = "not permitted"


_NUMBER = re.compile(r"[0-9]{1,9}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_HTTP = range(100, 600)
_ANY = frozenset(EffectClass)
_READ = frozenset({EffectClass.READ})
_WRITES = _ANY - _READ
_REPEATABLE = frozenset({EffectClass.READ, EffectClass.ORPHAN})
_LASTING = _ANY - _REPEATABLE

STALE_ITEM = frozenset({"400019", "400072"})
"""The availability has rotated: read it again and correct the cart."""
STALE_CART_ITEM = frozenset({"10001"})
"""The same, as the error code of an item in a cart."""
CONFLICTS = frozenset({"800060", "800064", "800065", "800082", "900109", "900278"})
NOT_FOUND = "1000"
"""The address names nothing. Below a customer's address: there is no such customer."""
STALE_ETAG = frozenset({"2055"})
FINAL_CONFLICTS = frozenset({"27009", "900112", "900113", "900114"})
SERVER_TROUBLE = frozenset({"800003", "800094", "900192", "InternalServerError", "ServerTimeout"})
"""Codes that mean a failure of the service, with any status."""
WRONG_TENANT = frozenset({"InvalidAuthenticationTokenTenant"})
"""Of Azure Resource Manager, with 401: another tenant owns the Azure subscription. A fresh token does not help."""
NO_ROLE = frozenset({"AuthorizationFailed", "LinkedAuthorizationFailed", "Forbidden"})
"""Codes of Azure Resource Manager for a user without a role."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    causes: range | frozenset[str]
    verdict: Verdict
    why: str
    codes: frozenset[str | None] | None = None
    """The codes that fit. None: any code, or no code. None among the codes: an answer without a code fits."""
    effects: frozenset[EffectClass] = _ANY
    apis: frozenset[Api] = frozenset(Api)

    def fits(self, cause: Cause, code: str | None, effect: EffectClass, api: Api) -> bool:
        """Whether this row applies to the failure."""
        known = self.codes is None or code in self.codes
        return cause in self.causes and known and effect in self.effects and api in self.apis


_NO_CONNECTION = frozenset({"connect"})
_DEAD_CONNECTION = frozenset({"lost"})
_UNKNOWN = (frozenset({"timeout", "lost", "unreadable"}), range(500, 600), range(300, 400), range(408, 409))
_TOLD = range(200, 500)
_NOT_ITS_OWN: frozenset[str | None] = frozenset({None})
"""No code of Partner Center: a page of a gateway or proxy, or an empty answer. Tells nothing about the request."""
_TOO_MANY, _NO_TOKEN, _CONFLICT, _CHANGED = range(429, 430), range(401, 402), range(409, 410), range(412, 413)
_FORBIDDEN = range(403, 404)

TABLE: tuple[Row, ...] = (
    Row(_NO_CONNECTION, Verdict.RETRY_NOW, "the request never left"),
    Row(_DEAD_CONNECTION, Verdict.RETRY_NOW, "a read on a connection that broke", effects=_READ),
    *(Row(unknown, Verdict.RETRY_LATER, "repeating it does no harm", effects=_REPEATABLE) for unknown in _UNKNOWN),
    *(Row(unknown, Verdict.RECONCILE, "it may have been executed", effects=_LASTING) for unknown in _UNKNOWN),
    Row(_TOO_MANY, Verdict.THROTTLED, "too many requests"),
    Row(_NO_TOKEN, Verdict.NOT_PERMITTED, "another tenant owns the resource", codes=WRONG_TENANT),
    Row(_NO_TOKEN, Verdict.TOKEN, "the token was refused"),
    Row(_TOLD, Verdict.RETRY_LATER, "Partner Center did not write the answer", codes=_NOT_ITS_OWN, effects=_REPEATABLE),
    Row(_TOLD, Verdict.RECONCILE, "Partner Center did not write the answer", codes=_NOT_ITS_OWN, effects=_LASTING),
    Row(_TOLD, Verdict.NOT_PERMITTED, "it takes a user's token", codes=frozenset({"900329"})),
    Row(_TOLD, Verdict.NOT_PERMITTED, "the user has no role for it", codes=NO_ROLE),
    Row(_FORBIDDEN, Verdict.NOT_PERMITTED, "a permission is missing", apis=frozenset({Api.GRAPH})),
    Row(_TOLD, Verdict.RETRY_LATER, "the service says that it failed", codes=SERVER_TROUBLE, effects=_REPEATABLE),
    Row(_TOLD, Verdict.RECONCILE, "the service says that it failed", codes=SERVER_TROUBLE, effects=_LASTING),
    Row(_TOLD, Verdict.LOOK, "the state may be the wanted one", codes=CONFLICTS, effects=_WRITES),
    Row(_TOLD, Verdict.LOOK, "the resource has changed: read it again", codes=STALE_ETAG, effects=_WRITES),
    Row(_CHANGED, Verdict.LOOK, "the resource has changed: read it again", effects=_WRITES),
    Row(_TOLD, Verdict.LOOK, "the item is stale: read the availability again", codes=STALE_ITEM, effects=_WRITES),
    Row(_TOLD, Verdict.REFUSE, "the state does not pass by itself", codes=FINAL_CONFLICTS),
    Row(_CONFLICT, Verdict.LOOK, "an unknown conflict", effects=_WRITES),
    Row(_TOLD, Verdict.REFUSE, "refused for good"),
)


def own_code(code: str | None, status: int) -> str | None:
    """The code, if it is one of Partner Center's own. None if a gateway or proxy wrote it.

    Partner Center's codes are numbers. Gateways write words, or repeat an HTTP status as a code. Of these, Partner
    Center itself uses only 400, with status 401.
    """
    if code is None or not _NUMBER.fullmatch(code):
        return None
    return None if int(code) in _HTTP and status != 401 else code


def own_name(code: str | None, status: int) -> str | None:
    """The code, if it is one of Azure Resource Manager's own. None if a gateway or proxy wrote it.

    These codes are words. A success with an error in its body has none: Microsoft documents no such answer, so that it
    tells nothing about the request.
    """
    return code if code is not None and status >= 400 and _NAME.fullmatch(code) else None


def is_in_doubt(code: str | None, effect: EffectClass) -> bool:
    """Whether a request may have been executed although the status of its answer is an error."""
    return code is None and effect in _LASTING


def classify(cause: Cause, code: str | None, effect: EffectClass, api: Api = Api.CENTER) -> Verdict:
    """The meaning of a failure of an operation with this effect class, of this service.

    `cause` is the HTTP status or the reason why there is none; for an error inside a 2xx, the 2xx. `code` is a code of
    Microsoft's own (`own_code`, `own_name`). A status that does not exist counts as an unreadable answer.
    """
    row = next((row for row in TABLE if row.fits(cause, code, effect, api)), None)
    return row.verdict if row else classify("unreadable", None, effect, api)
