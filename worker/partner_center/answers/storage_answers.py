"""What an answer of Azure Storage means that is no success. Pure.

Its errors are XML with a code, which is also in a header. Nothing of the body is quoted: it may hold the signature.
Source: https://learn.microsoft.com/rest/api/storageservices/status-and-error-codes2.
"""

import re
from typing import Any

from worker.partner_center.answers.answer import Answer, retry_after
from worker.partner_center.errors import (
    CallError,
    Gone,
    HostRefused,
    Refused,
    SignatureRefused,
    Throttled,
    Unanswered,
)
from worker.partner_center.operation import Operation

CODE = "x-ms-error-code"
REQUEST_ID = "x-ms-request-id"
"""Storage's own id of the request, for a support ticket. azplan sends storage no id."""
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_CODE = re.compile(r"[A-Za-z]{1,64}")


def storage_refusal(operation: Operation[Any], answer: Answer) -> CallError:
    """The error that an answer of storage means."""
    code = answer.headers.get(CODE, "")
    code = code if _CODE.fullmatch(code) else ""
    what, status = f"Azure Storage answered {answer.status}{code and f' ({code})'}", answer.status
    given_id = answer.headers.get(REQUEST_ID, "")
    request_id = given_id if _ID.fullmatch(given_id) else None
    facts: dict[str, Any] = {"status": status, "code": code or None, "request_id": request_id}
    match status:
        case 401 | 403:
            return SignatureRefused(operation.name, f"{what}: the signed address has expired, or is refused", **facts)
        case 404:
            return Refused(operation.name, f"{what}: there is no such file", **facts)
        case 410:
            return Gone(operation.name, what, **facts)
        case 429:
            return Throttled(operation.name, what, retry_after(answer.headers, answer.at) or 0.0, **facts)
        case _ if 300 <= status < 400:
            return HostRefused(operation.name, f"{what}: a redirect, which azplan does not follow", **facts)
        case _ if 400 <= status < 500:
            return Refused(operation.name, what, **facts)
        case _:
            return Unanswered(operation.name, what, **facts)
