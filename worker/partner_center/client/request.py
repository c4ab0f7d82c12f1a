"""Requests as data: address, headers, body and ids. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit
from uuid import UUID, uuid5

from worker.partner_center.answers.exact_json import dumps
from worker.partner_center.answers.resource import Link, is_address_part
from worker.partner_center.errors import Unanswered
from worker.partner_center.operation import Api, Operation
from worker.version import version

VERSION = "/v1"
_REQUESTS = UUID("6b1f9f4e-5f0c-4f5b-9a53-3c1d3b0e8b57")
_PORTS = {"http": 80, "https": 443}
_GRAPH_VERSION = re.compile(r"/v[0-9]+(\.[0-9]+)?$")
_WRITTEN = "/?:@!$&'()*+,;=%-._~"
"""Characters that stay as they are in an address that is written already (RFC 3986)."""
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "proxy-authorization",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that belong to the connection or the body. A link cannot set them."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of an operation, without token and ids."""

    operation: Operation[Any]
    target: str
    """Path under the address of the service, with version segment and query, percent-encoded."""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers of a link. azplan's own headers take precedence."""
    tenant: str | None = None
    """The customer's tenant, in which the token is valid. None: the partner's own tenant."""
    told: str | None = None
    """The target as anybody may see it. None if the target holds no secret."""

    def key(self, step: str | None) -> str:
        """The key by which `Run.answers` counts answers to equal requests."""
        return "|".join((step or "", self.operation.method, self.shown))

    @property
    def shown(self) -> str:
        """The target, without what is secret in it."""
        return self.target if self.told is None else self.told


def prepare(
    operation: Operation[Any], path: Mapping[str, str], query: Mapping[str, str] | None, body: object, root: str = ""
) -> Request:
    """The request of `operation` with these parts. `root`: of Microsoft Graph, the path of its address.

    Raises KeyError if `path` lacks a name of the template, ValueError if a value cannot be a path segment.
    """
    names = {name: _segment(name, value) for name, value in path.items()}
    filled = _root(operation, root) + operation.path.format_map(names)
    given = {**(query or {}), **({"api-version": operation.arm.api_version} if operation.arm else {})}
    asked = f"?{urlencode(given, quote_via=quote)}" if given else ""
    return Request(operation, f"{filled}{asked}", b"" if body is None else dumps(body), tenant=_tenant(operation, path))


def follow(operation: Operation[Any], link: Link, base_url: str, path: Mapping[str, str], root: str = "") -> Request:
    """The request for another page of `operation`, or for the result of an accepted request.

    Addresses in links are relative to the version root, with or without the version segment. `path` is that of the
    request whose answer holds the link, `root` that of Microsoft Graph's address. A link to another host is not
    followed: the token must not go there. Raises `Unanswered` for such a link, because what it names cannot be read.
    """
    try:
        address, base = urlsplit(link.uri or ""), urlsplit(base_url)
        foreign = bool(address.netloc or address.scheme) and _origin(address) != _origin(base)
    except ValueError as error:
        raise Unanswered(operation.name, f"{operation.linked} has an address that cannot be read") from error
    if any(unquote(segment) in {".", ".."} for segment in address.path.split("/")):
        raise Unanswered(
            operation.name, f"{operation.linked} has an address with `.` or `..` in its path; it was not followed"
        )
    if foreign:
        raise Unanswered(operation.name, f"{operation.linked} has an address at another host; it was not followed")
    place = address.path
    if address.netloc and base.path.strip("/"):
        place = place.removeprefix(base.path.rstrip("/"))
    segments = place.lstrip("/")
    if operation.api is Api.CENTER and segments.lower().startswith("v1/"):
        segments = segments[3:].lstrip("/")
    begin = _root(operation, root)
    if operation.api is Api.GRAPH and (address.netloc or f"/{segments}".startswith((f"{root}/", f"{_beta(root)}/"))):
        begin = ""
    asked = f"?{address.query}" if address.query else ""
    headers = {header.key: header.value or "" for header in link.headers if header.key}
    if not all(text.isascii() and text.isprintable() for text in (*headers, *headers.values(), link.uri or "")):
        raise Unanswered(operation.name, f"{operation.linked} has an address or a header that cannot be sent")
    target = quote(f"{begin}/{segments}{asked}", safe=_WRITTEN)
    return Request(operation, target, headers=headers, tenant=_tenant(operation, path))


def template(operation: Operation[Any]) -> str:
    """The path of every request of `operation` at its service, with the names of its ids in place of the ids."""
    return f"{_root(operation, '')}{operation.path}"


def headers(request: Request, *, token: str | None, request_id: str, correlation_id: str) -> Mapping[str, str]:
    """All headers of a request. Azure Storage gets no token and no ids.

    If a header of a link clashes with one of azplan's, azplan's is sent.
    """
    ours = {"Accept": request.operation.accept, "User-Agent": f"azplan/{version()}"}
    if token is not None:
        ours["Authorization"] = f"Bearer {token}"
    match request.operation.api:
        case Api.CENTER:
            ours |= {
                "X-Locale": "en-US",
                "MS-RequestId": request_id,
                "MS-CorrelationId": correlation_id,
                "MS-PartnerCenter-Application": "azplan",
            }
        case Api.ARM:
            ours |= {"x-ms-client-request-id": request_id, "x-ms-correlation-request-id": correlation_id}
        case Api.GRAPH:
            ours["client-request-id"] = request_id
    if request.body:
        ours["Content-Type"] = "application/json"
    taken = _OURS | {name.lower() for name in ours}
    return {**{name: value for name, value in request.headers.items() if name.lower() not in taken}, **ours}


def request_id(command: UUID, step: str | None, request: Request, answers: int) -> str:
    """The MS-RequestId: the same if a request is repeated without an answer, another one after any answer.

    Partner Center's rule: https://learn.microsoft.com/partner-center/developer/headers
    """
    parts = (str(command), step or "", request.operation.method, request.shown, str(answers))
    return str(uuid5(_REQUESTS, "|".join(parts) + "|" + request.body.decode("ascii")))


def _root(operation: Operation[Any], root: str) -> str:
    match operation.api:
        case Api.CENTER:
            return VERSION
        case Api.GRAPH if operation.beta:
            return _beta(root)
        case Api.GRAPH:
            return root
        case _:
            return ""


def _beta(root: str) -> str:
    return f"{_GRAPH_VERSION.sub('', root)}/beta"


def _tenant(operation: Operation[Any], path: Mapping[str, str]) -> str | None:
    return _segment("customer_id", path["customer_id"]) if operation.arm else None


def _segment(name: str, value: str) -> str:
    if not is_address_part(value):
        raise ValueError(f"{name} cannot be {value!r}: the value cannot be a segment of an address")
    return quote(value, safe="")


def _origin(address: SplitResult) -> tuple[str, str | None, int | None]:
    scheme = address.scheme.lower()
    return scheme, address.hostname, address.port or _PORTS.get(scheme)
