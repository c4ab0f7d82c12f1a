"""From an answer's status, headers and bytes to a value or an error. Pure. Tolerant of forms, strict about meaning."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from worker.partner_center.answers.answer import Answer, retry_after
from worker.partner_center.answers.classification import Verdict, classify, is_in_doubt
from worker.partner_center.answers.customer_access import need_role
from worker.partner_center.answers.error_bodies import ErrorBody, clean, code_of, error_body, error_in
from worker.partner_center.answers.exact_json import NotJson, loads
from worker.partner_center.answers.graph_access import NEED_PERMISSION
from worker.partner_center.answers.resource import CallReference, Document
from worker.partner_center.answers.storage_answers import storage_refusal
from worker.partner_center.errors import CallError, Gone, NotPermitted, Refused, Throttled, TokenUnavailable, Unanswered
from worker.partner_center.operation import Accepted, Api, Operation, Refusal

T = TypeVar("T")

NO_TOKEN_DELAY = 30.0
"""Seconds that a command waits after its token was refused."""
_NO_BODY = frozenset({202, 204})
_GONE = 410


def read(operation: Operation[T], answer: Answer) -> T:
    """The value of a success. Raises the `CallError` that any other answer means."""
    if not 200 <= answer.status < 300:
        raise _failure(operation, answer, answer.status, error_body(operation, answer.body))
    if not answer.body.strip():
        return _bodiless(operation, answer)
    try:
        document = loads(answer.body)
    except NotJson as error:
        raise unreadable(operation, answer, "its body is not JSON, or was cut") from error
    fault = fault_of(operation, answer, document)
    if fault is not None:
        raise fault
    return _value(operation, answer, document)


def fault_of(operation: Operation[Any], answer: Answer, document: object) -> CallError | None:
    """The error that the body of a success means. None if the body holds no error."""
    fault = error_in(operation, document)
    return None if fault is None else _failure(operation, answer, fault.status or answer.status, fault)


def refusal_of(operation: Operation[Any], answer: Answer) -> CallError:
    """The error that an answer means which is no success, where a success would be read piece by piece."""
    if operation.api is Api.STORAGE:
        return storage_refusal(operation, answer)
    if 200 <= answer.status < 300:
        return unreadable(operation, answer, "it has a status that is not documented for it")
    return _failure(operation, answer, answer.status, error_body(operation, answer.body))


def _bodiless(operation: Operation[T], answer: Answer) -> T:
    """The value of a success without a body. Only an accepted request may have no body."""
    if answer.status in _NO_BODY:
        if operation.answer is None:
            return cast("T", _accepted(answer))
        if answer.status == 204 and 204 in operation.success:
            return _value(operation, answer, {})
        if 202 in operation.success:
            return cast("T", None)
    raise unreadable(operation, answer, "its body is missing")


def _value(operation: Operation[T], answer: Answer, document: object) -> T:
    if operation.answer is None:
        if answer.status not in operation.success:
            raise unreadable(operation, answer, "it has a status that is not documented for it")
        return cast("T", _accepted(answer))
    try:
        value = cast("T", operation.answer.model_validate(document))
    except ValidationError as error:
        where = ", ".join(sorted({".".join(map(str, each["loc"])) or "the whole" for each in error.errors()}))
        raise unreadable(operation, answer, f"its body does not have the documented form ({where})") from None
    no = operation.refusal(value) if operation.refusal else None
    if no is not None:
        raise _refused(operation, answer, no)
    if isinstance(value, Document):
        wait = retry_after(answer.headers, answer.at)
        call = CallReference(operation.name, answer.status, answer.request_id, answer.correlation_id, wait)
        value.remember_call(call)
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


def unreadable(operation: Operation[Any], answer: Answer, what: str) -> CallError:
    """The error that a success means which cannot be read. `what`: the end of a sentence."""
    return Unanswered(
        operation.name,
        clean(f"{operation.service} answered with a success, but {what}"),
        status=answer.status,
        request_id=answer.request_id,
        correlation_id=answer.correlation_id,
    )


def _accepted(answer: Answer) -> Accepted:
    named = (answer.headers.get(name) for name in ("location", "azure-asyncoperation", "operation-location"))
    after = retry_after(answer.headers, answer.at)
    return Accepted(location=next(filter(None, named), None), retry_after=after)


def _failure(operation: Operation[Any], answer: Answer, status: int, fault: ErrorBody) -> CallError:
    code = code_of(operation, fault, status)
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
    match classify(status, code, operation.effect, operation.api):
        case Verdict.THROTTLED:
            in_doubt = in_doubt and fault.status != status  # the documented 429 comes from the gateway and has no code
            delay = retry_after(answer.headers, answer.at) or 0.0
            return Throttled(operation.name, description, delay, in_doubt=in_doubt, **facts)
        case Verdict.TOKEN:
            return TokenUnavailable(operation.name, description, NO_TOKEN_DELAY, in_doubt=in_doubt, **facts)
        case Verdict.NOT_PERMITTED:
            return _not_permitted(operation, description, facts)
        case Verdict.REFUSE | Verdict.LOOK:
            return (Gone if status == _GONE else Refused)(operation.name, description, **facts)
        case _:
            if code is None and status < 500:
                description = f"the answer {status}{reason} is not {operation.service}'s own{said and ': '}{said}"
            return Unanswered(operation.name, clean(description), **facts)


def _not_permitted(operation: Operation[Any], description: str, facts: Mapping[str, Any]) -> NotPermitted:
    no = NotPermitted(operation.name, description, **facts)
    if operation.arm:
        no.advice = need_role(operation.arm)
    elif operation.api is Api.GRAPH:
        no.advice = NEED_PERMISSION
    return no
