"""A collector of traces: takes OTLP over HTTP on loopback and reads the spans."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Received:
    """A span as it arrived."""

    name: str
    trace: str
    id: str
    parent: str
    links: tuple[tuple[str, str], ...]
    """Trace id and span id of each link."""
    attributes: dict[str, str]
    resource: dict[str, str]
    failed: bool


class Receiver:
    """Every request that arrived, whole and read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[Received] = []
        self._bodies: list[bytes] = []
        self.url = ""

    def take(self, body: bytes) -> None:
        """Read one request."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            self._bodies.append(body)
            for group in request.resource_spans:
                resource = _texts(group.resource.attributes)
                self._spans.extend(_read(span, resource) for scope in group.scope_spans for span in scope.spans)

    def spans(self) -> list[Received]:
        """All spans that have arrived so far."""
        with self._lock:
            return list(self._spans)

    def bytes(self) -> bytes:
        """All bytes that have arrived so far."""
        with self._lock:
            return b"\n".join(self._bodies)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A listening collector."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.path != "/v1/traces":
                self.send_error(404)
                return
            receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
            body = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def _read(given: Any, resource: dict[str, str]) -> Received:
    return Received(
        name=given.name,
        trace=given.trace_id.hex(),
        id=given.span_id.hex(),
        parent=given.parent_span_id.hex(),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in given.links),
        attributes=_texts(given.attributes),
        resource=resource,
        failed=given.status.code == 2,
    )


def _texts(attributes: Any) -> dict[str, str]:
    return {each.key: str(getattr(each.value, each.value.WhichOneof("value"))) for each in attributes}
