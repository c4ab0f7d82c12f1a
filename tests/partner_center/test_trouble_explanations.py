"""Troubles of connection and sign-in: each kind is recognised, and has advice of its own everywhere."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from events.codes import Fault, codes
from tests.partner_center.authority import AUDIENCE, CLIENT, TENANT, Authority, authority
from tests.partner_center.wire import Move, Wire, answers, resets, says_nothing, wire
from tests.support.quiet import overheard
from worker.clock import Clock
from worker.partner_center.answers.error_code_explanations import known_codes
from worker.partner_center.client import token_requests as module
from worker.partner_center.client.token_requests import Identity, NoToken
from worker.partner_center.client.tokens import Tokens
from worker.partner_center.client.trouble_explanations import (
    Trouble,
    find_trouble,
    known_trouble,
    refused_token,
    trouble_of,
)
from worker.partner_center.operation import Api
from worker.trusted_certificates import tls_context

SECRET = "canary-client-secret-77d0"
ASKED_OF_US = [
    "7000215", "7000222", "700082", "50076", "50078", "700016", "90002", "53003", "65001", "70008", "500011", "700027",
]  # fmt: skip


@dataclass
class Elsewhere:
    """A server behind TLS that need not be an authority."""

    wire: Wire
    tls: ssl.SSLContext
    ca: trustme.CA
    ca_file: Path

    def react(self, move: Move) -> None:
        """Answer every request with this move."""
        self.wire.react = lambda _: move


@asynccontextmanager
async def server(folder: Path, *names: str, **validity: datetime) -> AsyncIterator[Elsewhere]:
    """A running server with a certificate for these names."""
    ca = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(*(names or ("localhost",)), **validity).configure_cert(tls)
    ca_file = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    async with wire(tls) as running:
        yield Elsewhere(running, tls, ca, ca_file)


async def refusal(url: str, ca_file: Path | None = None, **identity: Any) -> NoToken:
    """The reason why there is no token."""
    who = Identity(f"{url}/{TENANT}", CLIENT, AUDIENCE, **(identity or {"client_secret": SECRET}))
    with pytest.raises(NoToken) as caught:
        await Tokens("contoso", who, tls_context(ca_file), None, Clock()).app.get()
    return caught.value


async def test_a_name_that_cannot_be_resolved() -> None:
    """The cause is DNS, and neither the secret nor the user."""
    why = (await refusal("https://nowhere.invalid")).trouble
    assert (why.kind, why.person) == ("dns", False)
    assert "AZPLAN_PARTNERS__CONTOSO__AUTHORITY" in why.advice
    assert "AZPLAN_PARTNERS__CONTOSO__PROXY" in why.advice


async def test_nobody_listens() -> None:
    """The cause is the connection."""
    assert (await refusal("https://127.0.0.1:1")).trouble.kind == "connect"


async def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    """The remedy is the file of the authority. The credential was not even sent."""
    async with server(tmp_path) as there:
        why = (await refusal(there.wire.url)).trouble
    assert (why.kind, why.person) == ("tls_untrusted", True)
    assert "AZPLAN_PARTNERS__CONTOSO__CA_FILE" in why.advice
    assert "The credential is not the cause" in why.advice
    assert there.wire.seen == []


@pytest.mark.parametrize(("begins", "ends"), [(-3, -1), (1, 3)], ids=["expired", "not yet valid"])
async def test_a_certificate_that_is_out_of_date(tmp_path: Path, begins: int, ends: int) -> None:
    """The advice names the other possible cause too: the clock of this machine is wrong."""
    now = datetime.now(UTC)
    validity = {"not_before": now + timedelta(days=begins), "not_after": now + timedelta(days=ends)}
    async with server(tmp_path, **validity) as there:
        why = (await refusal(there.wire.url, there.ca_file)).trouble
    assert why.kind == "tls_expired"
    assert "clock" in why.advice


async def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    """The address leads to another server."""
    async with server(tmp_path, "other.example") as there:
        why = (await refusal(there.wire.url, there.ca_file)).trouble
    assert why.kind == "tls_name"


async def test_a_server_that_speaks_no_tls() -> None:
    """The port is for plain HTTP, or a firewall answers in its own way."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    plain = await asyncio.start_server(answer, "127.0.0.1", 0)
    why = (await refusal(f"https://localhost:{plain.sockets[0].getsockname()[1]}")).trouble
    plain.close()
    assert why.kind == "tls"


async def test_an_authority_that_does_not_answer_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure may pass, and azplan asks again."""
    monkeypatch.setattr(module, "TIMEOUT", 0.3)
    async with server(tmp_path) as there:
        there.react(says_nothing)
        why = (await refusal(there.wire.url, there.ca_file)).trouble
    assert (why.kind, why.person) == ("timeout", False)


@pytest.mark.parametrize(
    ("move", "kind"),
    [
        (answers(503, {"error": "temporarily_unavailable"}), "temporarily_unavailable"),
        (answers(500, b"<html>oops</html>"), "http"),
        (answers(429, b""), "http"),
        (answers(403, b"<html>Blocked by the company</html>"), "not_authority"),
        (answers(200, b"<html>Please log in to the network</html>"), "not_authority"),
        (answers(302, b"", Location="https://portal.example"), "not_authority"),
        (answers(400, {"error": "invalid_tenant", "error_description": "AADSTS90002: No such."}), "AADSTS90002"),
        (resets, "connect"),
    ],
    ids=["busy", "500", "429", "403 of a gateway", "captive portal", "redirect", "no such tenant", "reset"],
)  # fmt: skip
async def test_an_answer_to_the_first_question_of_msal(tmp_path: Path, move: Move, kind: str) -> None:
    """MSAL asks for the endpoints before it asks for a token. Its error says little; the answer has the reason."""
    async with server(tmp_path) as there:
        there.react(move)
        assert (await refusal(there.wire.url, there.ca_file)).trouble.kind == kind


@pytest.fixture
async def given(tmp_path: Path) -> AsyncIterator[Authority]:
    """A running authority."""
    async with authority(tmp_path) as running:
        yield running


def identity(given: Authority) -> Identity:
    """The identity at the authority."""
    return Identity(given.url, CLIENT, AUDIENCE, client_secret=SECRET)


@pytest.mark.parametrize("code", ASKED_OF_US)
async def test_each_code_has_its_own_advice(given: Authority, code: str) -> None:
    """The advice is in the error, in the log and in readiness. The authority's own words are in the first two only."""
    words = f"AADSTS{code}: The words of the authority."
    given.refusal = {"error": "invalid_client", "error_description": words}
    tokens = Tokens("contoso", identity(given), tls_context(given.ca_file), None, Clock())
    with overheard() as logged, pytest.raises(NoToken) as caught:
        await tokens.app.get()
    why = caught.value.trouble
    assert (why.kind, why.code) == (f"AADSTS{code}", f"AADSTS{code}")
    assert "<NAME>" not in why.advice
    assert words in caught.value.reason
    (line,) = [each for each in logged if each["event"] == "token.unavailable"]
    assert (line["trouble"], line["advice"]) == (f"AADSTS{code}", why.advice)
    assert words in line["reason"]
    (sentence,) = tokens.trouble
    assert f"{why.title} (AADSTS{code}). {why.advice}" in sentence
    assert "The words of the authority" not in sentence


async def test_a_code_that_is_not_known_has_the_advice_of_its_oauth_error(given: Authority) -> None:
    """Microsoft changes its codes. The few error words of OAuth stay."""
    given.refusal = {"error": "invalid_grant", "error_description": "AADSTS9999999: Something new."}
    tokens = Tokens("contoso", identity(given), tls_context(given.ca_file), None, Clock())
    with pytest.raises(NoToken) as caught:
        await tokens.app.get()
    assert (caught.value.trouble.kind, caught.value.trouble.title) == ("AADSTS9999999", "The refresh token is refused")


@pytest.mark.parametrize(
    "spoil", [lambda file: None, lambda file: file.write_text("no PEM"), lambda file: file.write_bytes(b"\xff")]
)
async def test_a_certificate_file_that_cannot_be_used(
    given: Authority, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    """If the file is missing or invalid, the reason names the file and does not ask for a new sign-in."""
    file = tmp_path / "client.pem"
    spoil(file)
    error = await refusal(given.wire.url, given.ca_file, certificate_file=file)
    assert error.trouble.kind == "credential_file"
    assert "AZPLAN_PARTNERS__CONTOSO__CERTIFICATE_FILE" in error.trouble.advice


def test_every_row_of_the_table_is_whole() -> None:
    """Each has title, cause, fault and advice. Only account and address are left to fill in."""
    for kind, row in known_trouble().items():
        assert row.kind == kind
        assert row.title
        assert not row.title.endswith("."), kind
        assert row.cause.endswith("."), kind
        assert row.advice.endswith((".", ").")), kind
        assert row.fault in Fault
        filled = row.at("contoso")
        assert "<" not in filled.advice, kind
        assert "CONTOSO" in filled.advice or "<NAME>" not in row.advice


def test_which_failures_need_a_person() -> None:
    """Failures of Microsoft or the network may pass. A decision of a person needs a person."""
    for kind in ("AADSTS90033", "AADSTS50196", "AADSTS90024", "http", "timeout", "dns", "connect", "proxy"):
        assert not known_trouble()[kind].person, kind
    for kind in (*(f"AADSTS{code}" for code in ASKED_OF_US), "tls_untrusted", "tls_expired", "tls_name", "proxy_auth"):
        assert known_trouble()[kind].person, kind


def test_a_code_means_one_thing() -> None:
    """A code typed without AADSTS is neither a code of Partner Center nor a code word of azplan."""
    digits = {kind.removeprefix("AADSTS") for kind in known_trouble()}
    assert digits.isdisjoint(known_codes())
    assert digits.isdisjoint(codes())


@pytest.mark.parametrize("typed", ["7000215", "AADSTS7000215", "aadsts7000215", " AADSTS7000215 "])
def test_a_code_is_found_however_it_is_typed(typed: str) -> None:
    """People type it as in the log, or as they say it."""
    found = find_trouble(typed)
    assert isinstance(found, Trouble)
    assert found.kind == "AADSTS7000215"


def test_a_token_that_partner_center_refuses_has_the_advice_of_its_code() -> None:
    """An unknown code is not repeated: it would be foreign text."""
    assert (
        refused_token("900420", Api.CENTER).title
        == "Partner Center refuses the token: The token is for another audience (900420)"
    )
    assert "canary" not in refused_token("canary", Api.CENTER).title
    assert refused_token(None, Api.CENTER).advice == trouble_of("refused").advice
    assert refused_token(None, Api.ARM).advice == trouble_of("refused_by_arm").advice
    assert refused_token(None, Api.GRAPH).advice == trouble_of("refused_by_graph").advice


def test_a_code_of_microsoft_graph_is_no_advice_about_azure_resource_manager() -> None:
    """Both refuse tokens with the same word, and each has its own setting of the audience."""
    word = "InvalidAuthenticationToken"
    assert (
        refused_token(word, Api.GRAPH).title
        == "Microsoft Graph refuses the token: The access token is refused (InvalidAuthenticationToken)"
    )
    assert refused_token(word, Api.ARM) == trouble_of("refused_by_arm")
