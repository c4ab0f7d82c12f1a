"""The trusted certificates: those of the system's store and of a configured file, and no list of Python's."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import trustme

from worker.trusted_certificates import tls_context

ASK = """
import asyncio, sys
from pathlib import Path
from worker.partner_center.client.token_requests import Authority, Identity, NoToken
from worker.partner_center.client.transport import Departure, NoReply, Transport
from worker.trusted_certificates import tls_context

url, ca_file = sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None

async def call():
    transport = Transport(url, tls_context(ca_file), connections=1, call_timeout=5)
    try:
        return (await transport.send("GET", "/v1/x", {}, b"", Departure(lambda: None))).status
    except NoReply as silence:
        return silence.trouble
    finally:
        await transport.close()

def token():
    try:
        Authority(Identity(f"{url}/t", "c", "https://a", client_secret="s"), tls_context(ca_file)).by_credential()
    except NoToken as error:
        return error.trouble.kind

print(asyncio.run(call()), token())
"""


class Handler(BaseHTTPRequestHandler):
    """Answers 404 to everything."""

    def do_GET(self) -> None:
        """Answer 404."""
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def company() -> trustme.CA:
    """An authority that only the company's machines trust."""
    return trustme.CA()


@pytest.fixture
def store(tmp_path: Path, company: trustme.CA) -> Path:
    """The system's store, with that authority in it."""
    file = tmp_path / "store.pem"
    company.cert_pem.write_to_path(str(file))
    return file


@contextmanager
def serving(company: trustme.CA) -> Iterator[str]:
    """A server with a certificate signed by the company's authority. It answers 404 to everything."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    company.issue_cert("localhost").configure_cert(tls)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(url: str, *arguments: str, **environment: str) -> list[str]:
    """The answers that another process gets from the server, for a call and for the sign-in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SSL_", "REQUESTS_"))}
    done = subprocess.run(
        [sys.executable, "-c", ASK, url, *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split()


def test_the_systems_store_is_trusted(company: trustme.CA, store: Path) -> None:
    """An authority in the store is enough for Partner Center and for sign-in. Without it nothing is sent."""
    with serving(company) as url:
        assert asked(url, SSL_CERT_FILE=str(store)) == ["404", "not_authority"]
        assert asked(url) == ["tls_untrusted", "tls_untrusted"]


def test_a_ca_file_is_beside_the_systems_store(company: trustme.CA, store: Path, tmp_path: Path) -> None:
    """The store is still trusted."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with serving(company) as url:
        assert asked(url, str(other), SSL_CERT_FILE=str(store)) == ["404", "not_authority"]
        assert asked(url, str(store), SSL_CERT_FILE=str(other)) == ["404", "not_authority"]


def test_no_list_that_came_with_python_replaces_the_systems(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority that the company removed from its store is not trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    monkeypatch.setenv("SSL_CERT_DIR", "/absent")
    assert [authority["serialNumber"] for authority in tls_context(None).get_ca_certs()] == [serial(store)]


def test_a_store_where_openssl_does_not_look_is_found(
    store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A Python built elsewhere looks in places that this system does not have."""
    nowhere = ssl.DefaultVerifyPaths(None, None, "SSL_CERT_FILE", "/absent", "SSL_CERT_DIR", str(tmp_path))  # type: ignore[arg-type]
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr("worker.trusted_certificates._BUNDLES", ("/absent.pem", str(store)))
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    assert [authority["serialNumber"] for authority in tls_context(None).get_ca_certs()] == [serial(store)]


def serial(store: Path) -> str:
    """The number of the only authority in a store."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(store)
    return str(context.get_ca_certs()[0]["serialNumber"])
