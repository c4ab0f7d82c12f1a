"""From an answer's status, headers and bytes to a value or an error. Pure. Tolerant of forms, strict about meaning."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from events.wire.text import printable
from worker.partner_center.answers.classification import Verdict, classify, is_in_doubt, own_code, own_name
from worker.partner_center.answers.customer_access import need_role
from worker.partner_center.answers.exact_json import NotJson, loads
from worker.partner_center.answers.resource import CallReference, Document, member
from worker.partner_center.errors import CallError, NotPermitted, Refused, Throttled, TokenUnavailable, Unanswered
from worker.partner_center.operation import Accepted, Operation, Refusal

T = TypeVar("T")

LONGEST_WAIT = 3600.0
"""Seconds. A longer `Retry-After` counts as a mistake, and is cut to this."""
NO_TOKEN_DELAY = 30.0
"""Seconds that a command waits after its token was refused."""
_NO_BODY = frozenset({202, 204})
_OF_RESOURCES = ("id", "items", "orders")
"""What has one of these members is no error, whatever else it has."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, with the ids of its request."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: datetime
    request_id: str
    correlation_id: str
    reason: str = ""
    """The reason phrase. Some refusals have no other text."""


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The content of an error body."""

    code: str | None = None
    """The code as written. `own_code` and `own_name` tell whether it is Microsoft's own."""
    description: str | None = None
    status: int | None = None
    """The status inside the body, which may differ from the answer's. Only gateways write one."""


def read(operation: Operation[T], answer: Answer) -> T:
    """The value of a success. Raises the `CallError` that any other answer means."""
    if not 200 <= answer.status < 300:
        raise _failure(operation, answer, answer.status, _error_body(operation, answer.body))
    if not answer.body.strip():
        return _bodiless(operation, answer)
    try:
        document = loads(answer.body)
    except NotJson as error:
        raise _unreadable(operation, answer, "its body is not JSON, or was cut") from error
    fault = (_error_at_arm if operation.arm else error_in)(document)
    if fault is not None:
        raise _failure(operation, answer, fault.status or answer.status, fault)
    return _value(operation, answer, document)


def error_in(document: object) -> ErrorBody | None:
    """The error in the body of a success, in any form that occurs at Partner Center. None for a resource.

    The forms: the classic service fault and its newer form (`code`, `description` or `message`), the gateway's
    (`statusCode`, `message`), the token endpoint's (`error`, `error_description`), the resource manager's
    (`error` with `code` and `message`). Only the first two are Partner Center's own.
    """
    if not isinstance(document, dict) or any(document.get(name) is not None for name in _OF_RESOURCES):
        return None
    names = {name.lower(): value for name, value in document.items() if value is not None}
    if not names.keys().isdisjoint(_OF_RESOURCES):
        return None
    return _fault(names) if names.keys() & {"code", "statuscode", "error", "errorname"} else None


def retry_after(headers: Mapping[str, str], at: datetime) -> float | None:
    """Seconds to wait by the `Retry-After` header, which holds seconds or a date. None if it is absent or malformed.

    A date is compared with the `Date` of the same answer if there is one: the two clocks need not agree
    (RFC 9110 section 10.2.3).
    """
    asked = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", asked):
        return min(float(asked), LONGEST_WAIT)
    until = _date(asked)
    if until is None:
        return None
    now = _date(headers.get("date", "")) or at
    return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT)


def clean(text: str) -> str:
    """`text` as one line of at most 1 024 printable characters, safe for a log, a database and a terminal."""
    return printable(text.strip(), 1024).strip()


def _bodiless(operation: Operation[T], answer: Answer) -> T:
    """The value of a success without a body. Only an accepted request may have no body."""
    if answer.status in _NO_BODY:
        if operation.answer is None:
            return cast("T", _accepted(answer))
        if answer.status == 204 and 204 in operation.success:
            return _value(operation, answer, {})
        if 202 in operation.success:
            return cast("T", None)
    raise _unreadable(operation, answer, "its body is missing")


def _value(operation: Operation[T], answer: Answer, document: object) -> T:
    if operation.answer is None:
        if answer.status not in operation.success:
            raise _unreadable(operation, answer, "it has a status that is not documented for it")
        return cast("T", _accepted(answer))
    try:
        value = cast("T", operation.answer.model_validate(document))
    except ValidationError as error:
        where = ", ".join(sorted({".".join(map(str, each["loc"])) or "the whole" for each in error.errors()}))
        raise _unreadable(operation, answer, f"its body does not have the documented form ({where})") from None
    no = operation.refusal(value) if operation.refusal else None
    if no is not None:
        raise _refused(operation, answer, no)
    if isinstance(value, Document):
        value.remember_call(CallReference(operation.name, answer.status, answer.request_id, answer.correlation_id))
    return value


def _refused(operation: Operation[Any], answer: Answer, no: Refusal) -> CallError:
    return Refused(
        operation.name,
        clean(no.description or "") or f"{operation.service} refused without a description",
        status=answer.status,
        code=no.code,
        request_id=answer.request_id,
        correlation_id=answer.correlation_id,
    )


def _unreadable(operation: Operation[Any], answer: Answer, what: str) -> CallError:
    return Unanswered(
        operation.name,
        clean(f"{operation.service} answered with a success, but {what}"),
        status=answer.status,
        request_id=answer.request_id,
        correlation_id=answer.correlation_id,
    )


def _accepted(answer: Answer) -> Accepted:
    return Accepted(location=answer.headers.get("location") or answer.headers.get("azure-asyncoperation"))


def _failure(operation: Operation[Any], answer: Answer, status: int, fault: ErrorBody) -> CallError:
    code = (own_name if operation.arm else own_code)(fault.code, status)
    reason = f" ({clean(answer.reason)})" if answer.reason else ""
    said = clean(fault.description or "")
    description = said or f"{operation.service} answered {status}{reason} and gave no description"
    facts: dict[str, Any] = {
        "status": status,
        "code": code,
        "request_id": answer.request_id,
        "correlation_id": answer.correlation_id,
    }
    in_doubt = is_in_doubt(code, operation.effect)
    match classify(status, code, operation.effect):
        case Verdict.THROTTLED:
            in_doubt = in_doubt and fault.status != status  # the documented 429 comes from the gateway and has no code
            delay = retry_after(answer.headers, answer.at) or 0.0
            return Throttled(operation.name, description, delay, in_doubt=in_doubt, **facts)
        case Verdict.TOKEN:
            return TokenUnavailable(operation.name, description, NO_TOKEN_DELAY, in_doubt=in_doubt, **facts)
        case Verdict.NOT_PERMITTED:
            return _not_permitted(operation, description, facts)
        case Verdict.REFUSE | Verdict.LOOK:
            return Refused(operation.name, description, **facts)
        case _:
            if code is None and status < 500:
                description = f"the answer {status}{reason} is not {operation.service}'s own{said and ': '}{said}"
            return Unanswered(operation.name, clean(description), **facts)


def _not_permitted(operation: Operation[Any], description: str, facts: Mapping[str, Any]) -> NotPermitted:
    no = NotPermitted(operation.name, description, **facts)
    if operation.arm:
        no.advice = need_role(operation.arm)
    return no


def _error_at_arm(document: object) -> ErrorBody | None:
    """The error in the body of a success of Azure Resource Manager. A body that tells a `status` is read as a value."""
    if not isinstance(document, dict) or isinstance(document.get(member(document, "status")), str):
        return None
    fault = _fault_at_arm(document)
    return fault if fault.code is not None or document.get(member(document, "error")) is not None else None


def _fault_at_arm(document: Mapping[str, Any]) -> ErrorBody:
    """The error that Azure Resource Manager describes: `code` and `message`, in `error` or without that envelope.

    Empty if one of them is missing: then something else wrote the answer.
    Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
    """
    inner = document.get(member(document, "error")) or document
    told = {str(name).lower(): value for name, value in inner.items()} if isinstance(inner, Mapping) else {}
    code, message = told.get("code"), told.get("message")
    if not (isinstance(code, str) and isinstance(message, str)):
        return ErrorBody()
    return ErrorBody(_code(code), message if message.strip() else None)


def _error_body(operation: Operation[Any], body: bytes) -> ErrorBody:
    """The content of an error body. Empty if the body is not JSON, such as a proxy's page: its text is not quoted."""
    try:
        document = loads(body)
    except NotJson:
        return ErrorBody()
    if not isinstance(document, Mapping):
        return ErrorBody()
    if operation.arm:
        return _fault_at_arm(document)
    return _fault({str(name).lower(): value for name, value in document.items() if value is not None})


def _fault(names: Mapping[str, Any]) -> ErrorBody:
    inner = names.get("error")
    if isinstance(inner, Mapping):
        return _fault({str(name).lower(): value for name, value in inner.items() if value is not None})
    code = next((names[name] for name in ("code", "error") if name in names), None)
    texts = (names.get(name) for name in ("description", "message", "error_description", "errorname"))
    status = names.get("statuscode")
    return ErrorBody(
        code=_code(code),
        description=next((text for text in texts if isinstance(text, str) and text.strip()), None),
        status=status if isinstance(status, int) and 400 <= status < 600 else None,
    )


def _code(value: object) -> str | None:
    if isinstance(value, bool) or value is None:
        return None
    text = clean(str(value)) if isinstance(value, str | int) else ""
    return text[:64] or None


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
