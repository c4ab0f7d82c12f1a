"""The content of error bodies, in every form that occurs. Pure.

The forms: Partner Center's classic service fault and its newer form (`code`, `description` or `message`), the gateway's
(`statusCode`, `message`), the token endpoint's (`error`, `error_description`), that of Azure Resource Manager and of
Microsoft Graph (`error` with `code` and `message`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.wire.text import printable
from worker.partner_center.answers.classification import own_code, own_name
from worker.partner_center.answers.exact_json import NotJson, loads
from worker.partner_center.answers.resource import member
from worker.partner_center.operation import Api, Operation

_OF_RESOURCES = ("id", "items", "orders")
"""What has one of these members is no error, whatever else it has."""


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The content of an error body."""

    code: str | None = None
    """The code as written. `code_of` tells whether it is Microsoft's own."""
    description: str | None = None
    status: int | None = None
    """The status inside the body, which may differ from the answer's. Only gateways write one."""


def error_body(operation: Operation[Any], body: bytes) -> ErrorBody:
    """The content of an error body. Empty if the body is not JSON, such as a proxy's page: its text is not quoted."""
    try:
        document = loads(body)
    except NotJson:
        return ErrorBody()
    if not isinstance(document, Mapping):
        return ErrorBody()
    match operation.api:
        case Api.ARM:
            return _of_arm(document)
        case Api.GRAPH:
            return _of_graph(document)
        case _:
            return _fault({str(name).lower(): value for name, value in document.items() if value is not None})


def error_in(operation: Operation[Any], document: object) -> ErrorBody | None:
    """The error in the body of a success. None if the body holds no error."""
    match operation.api:
        case Api.ARM:
            return _error_at_arm(document)
        case Api.GRAPH:
            return _error_at_graph(document)
        case _:
            return fault_in(document)


def fault_in(document: object) -> ErrorBody | None:
    """The error in the body of a success of Partner Center, in any form. None for a resource."""
    if not isinstance(document, dict) or any(document.get(name) is not None for name in _OF_RESOURCES):
        return None
    names = {name.lower(): value for name, value in document.items() if value is not None}
    if not names.keys().isdisjoint(_OF_RESOURCES):
        return None
    return _fault(names) if names.keys() & {"code", "statuscode", "error", "errorname"} else None


def code_of(operation: Operation[Any], fault: ErrorBody, status: int) -> str | None:
    """The code, if it is one of the service's own. None if a gateway or proxy wrote it."""
    match operation.api:
        case Api.ARM:
            return own_name(fault.code, status)
        case Api.GRAPH:
            return fault.code
        case _:
            return own_code(fault.code, status)


def clean(text: str) -> str:
    """`text` as one line of at most 1 024 printable characters, safe for a log, a database and a terminal."""
    return printable(text.strip(), 1024).strip()


def _error_at_arm(document: object) -> ErrorBody | None:
    """The error in the body of a success of Azure Resource Manager. A body that tells a `status` is read as a value."""
    if not isinstance(document, dict) or isinstance(document.get(member(document, "status")), str):
        return None
    fault = _of_arm(document)
    return fault if fault.code is not None or document.get(member(document, "error")) is not None else None


def _of_arm(document: Mapping[str, Any]) -> ErrorBody:
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


def _error_at_graph(document: object) -> ErrorBody | None:
    """The error in the body of a success of Microsoft Graph. What has a status or a type is a value."""
    if not isinstance(document, dict):
        return None
    if any(isinstance(document.get(member(document, name)), str) for name in ("status", "@odata.type")):
        return None
    return _of_graph(document) if document.get(member(document, "error")) is not None else None


def _of_graph(document: Mapping[str, Any]) -> ErrorBody:
    """The error that Microsoft Graph describes: `code`, and in most cases `message`, always inside `error`.

    Empty without that envelope or without a code: then something else wrote the answer. The code is text: a word, or
    the number that a service behind Graph gave. Source: https://learn.microsoft.com/graph/errors
    """
    inner = document.get(member(document, "error"))
    if not isinstance(inner, Mapping):
        return ErrorBody()
    told = {str(name).lower(): value for name, value in inner.items()}
    code, message = told.get("code"), told.get("message")
    if not isinstance(code, str):
        return ErrorBody()
    return ErrorBody(_code(code), message if isinstance(message, str) and message.strip() else None)


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
