"""Tokens: MSAL against a TLS authority, and the moments of token requests."""

import asyncio
import os
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.partner_center.authority import AUDIENCE, CLIENT, Authority, authority
from tests.partner_center.wire import says_nothing
from tests.support.quiet import overheard
from tests.support.virtual_time import LoopClock
from worker import metrics
from worker.clock import Clock
from worker.partner_center.client import token_requests as module
from worker.partner_center.client.token_requests import Identity, NoToken
from worker.partner_center.client.tokens import AccessToken, Tokens, TokenSource
from worker.redaction import redact
from worker.trusted_certificates import tls_context

SECRET = "canary-client-secret-91c2"
REFRESH = "canary-refresh-token-4b7d"


@pytest.fixture
async def given(tmp_path: Path) -> AsyncIterator[Authority]:
    """A running authority."""
    async with authority(tmp_path) as running:
        yield running


def identity(given: Authority, **credential: Any) -> Identity:
    """The identity at the authority: by a secret, unless the test gives another credential."""
    return Identity(given.url, CLIENT, AUDIENCE, **(credential or {"client_secret": SECRET}))


def tokens_of(who: Identity, ca_file: Path | None, refresh_token_file: Path | None = None) -> Tokens:
    """The tokens of an account."""
    return Tokens("contoso", who, tls_context(ca_file), refresh_token_file, Clock())


async def test_the_applications_own_token(given: Authority) -> None:
    """The token comes from client credentials, serves everything on the audience, and is kept for the next caller."""
    source = tokens_of(identity(given), given.ca_file).app
    first, second = await source.get(), await source.get()
    assert first.value == second.value == given.issued[0]
    form = given.asked[0]
    assert (form["grant_type"], form["client_id"], form["client_secret"]) == ("client_credentials", CLIENT, SECRET)
    assert form["scope"] == f"{AUDIENCE}/.default"
    assert len(given.asked) == 1
    assert given.wire.seen[0].target.startswith("/11111111-2222-4333-8444-555555555555/v2.0/.well-known/")


async def test_callers_at_the_same_time_share_one_request(given: Authority) -> None:
    """All callers share one renewal."""
    source = tokens_of(identity(given), given.ca_file).app
    values = {token.value for token in await asyncio.gather(*(source.get() for _ in range(20)))}
    assert (len(values), len(given.asked)) == (1, 1)


async def test_a_workload_identity(given: Authority, tmp_path: Path) -> None:
    """The token is an assertion, read again each time because it is rotated."""
    file = tmp_path / "federated"
    source = tokens_of(identity(given, federated_token_file=file), given.ca_file).app
    for content in ("assertion-1\n", "assertion-2\n"):
        file.write_text(content)
        await source.renew()
    assert [form["client_assertion"] for form in given.asked] == ["assertion-1", "assertion-2"]


async def test_a_certificate(given: Authority, tmp_path: Path) -> None:
    """The token request has a signed assertion with the thumbprint of the certificate, from one PEM file."""
    key, pem = certificate()
    file = tmp_path / "client.pem"
    file.write_bytes(pem)
    await tokens_of(identity(given, certificate_file=file), given.ca_file).app.get()
    claims = jwt.decode(
        given.asked[0]["client_assertion"], key.public_key(), ["PS256", "RS256"], options={"verify_aud": False}
    )
    assert (claims["iss"], claims["sub"]) == (CLIENT, CLIENT)


def certificate() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A self-signed certificate with its key, as one PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "azplan")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key, made.public_bytes(serialization.Encoding.PEM) + private


async def test_a_users_token_and_the_rotated_refresh_token(given: Authority, tmp_path: Path) -> None:
    """Each use gives a successor. It is in the file, readable by nobody else, before the token is used."""
    file = tmp_path / "refresh-token"
    file.write_text(f"{REFRESH}\n")
    source = tokens_of(identity(given), given.ca_file, file).user
    assert source is not None
    await source.get()
    assert file.read_text() == f"{REFRESH}+"
    assert file.stat().st_mode & 0o777 == 0o600
    await source.renew()
    assert [form["refresh_token"] for form in given.asked] == [REFRESH, f"{REFRESH}+"]
    assert file.read_text() == f"{REFRESH}++"


async def test_an_authority_that_does_not_rotate(given: Authority, tmp_path: Path) -> None:
    """The old refresh token stays."""
    given.rotates = False
    file = tmp_path / "refresh-token"
    file.write_text(REFRESH)
    source = tokens_of(identity(given), given.ca_file, file).user
    assert source is not None
    await source.get()
    assert file.read_text() == REFRESH


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda file: file.unlink(), "No such file"),
        (lambda file: file.write_text(" \n"), "is empty"),
        (lambda file: file.write_bytes(b"\xff\xfe\x00"), "is not text"),
    ],
    ids=["missing", "empty", "not text"],
)
async def test_a_refresh_token_file_that_cannot_be_used(
    given: Authority, tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    """The error says what to do, before any request."""
    file = tmp_path / "refresh-token"
    file.write_text(REFRESH)
    spoil(file)
    source = tokens_of(identity(given), given.ca_file, file).user
    assert source is not None
    with pytest.raises(NoToken, match=words) as caught:
        await source.get()
    assert "refresh-token" in caught.value.reason
    assert given.asked == []


async def test_a_folder_in_which_nothing_can_be_stored(given: Authority, tmp_path: Path) -> None:
    """The refresh token is not used, because its successor would be lost."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    file = folder / "refresh-token"
    file.write_text(REFRESH)
    (folder / ".refresh-token.new").mkdir()
    source = tokens_of(identity(given), given.ca_file, file).user
    assert source is not None
    with pytest.raises(NoToken, match="Let the worker read"):
        await source.get()
    assert (given.asked, file.read_text()) == ([], REFRESH)


async def test_a_refusal_says_why_and_nothing_secret(given: Authority) -> None:
    """The reason has the authority's own words, with its code for the metric. The secret in the words is masked."""
    given.refusal = {
        "error": "invalid_client",
        "error_description": f"AADSTS7000215: Invalid client secret {SECRET}. Trace ID: x\r\nTimestamp: y",
    }
    source = tokens_of(identity(given), given.ca_file).app
    before = count("error", "AADSTS7000215")
    with pytest.raises(NoToken, match="AADSTS7000215") as caught:
        await source.get()
    assert SECRET not in str(caught.value)
    assert "\n" not in caught.value.reason
    assert "(invalid_client AADSTS7000215" in redact(caught.value.reason)
    assert count("error", "AADSTS7000215") == before + 1


def count(outcome: str, error: str) -> float:
    """The number of token requests of the application with this secret."""
    labels = {"flow": "app", "outcome": outcome, "error": error}
    return metrics.REGISTRY.get_sample_value("azplan_auth_token_requests_total", labels) or 0.0


@pytest.mark.parametrize("code", ["AADSTS7000215", "AADSTS7000222", "AADSTS9999999"])
async def test_a_secret_that_was_replaced_is_read_again_when_the_old_one_is_refused(
    given: Authority, code: str
) -> None:
    """The change needs no restart. An unchanged secret is read once for each try and no more."""
    given.secret, given.refuses = "new-canary-secret", code
    stored, reads = SECRET, []

    def read_again() -> str:
        reads.append(stored)
        return stored

    who = Identity(given.url, CLIENT, AUDIENCE, client_secret=SECRET, read_again=read_again)
    source = tokens_of(who, given.ca_file).app
    with pytest.raises(NoToken, match=code):
        await source.get()
    assert (len(given.asked), reads) == (1, [SECRET])
    stored = "new-canary-secret"
    other = tokens_of(who, given.ca_file).app
    with overheard() as logged:
        assert (await other.get()).value == given.issued[0]
        await other.renew()
    assert [form["client_secret"] for form in given.asked[1:]] == [SECRET, stored, stored]
    assert len(reads) == 2, "the new one is kept"
    assert [line["event"] for line in logged] == ["token.secret_replaced"]
    assert "canary" not in repr(logged)


async def test_a_failure_that_a_new_secret_cannot_cure_reads_nothing_again(given: Authority) -> None:
    """The cause is a policy, a tenant, or an authority that is down."""
    reads: list[int] = []
    who = Identity(given.url, CLIENT, AUDIENCE, client_secret=SECRET, read_again=lambda: reads.append(1) and None)
    given.refusal = {"error": "access_denied", "error_description": "AADSTS53003: Blocked."}
    with pytest.raises(NoToken):
        await tokens_of(who, given.ca_file).app.get()
    given.down = True
    with pytest.raises(NoToken):
        await tokens_of(who, given.ca_file).app.get()
    assert reads == []


async def test_a_new_secret_that_is_refused_too_shows_nowhere(given: Authority) -> None:
    """The authority repeats the secret that it received. Both secrets are masked."""
    given.echoes = True
    who = Identity(given.url, CLIENT, AUDIENCE, client_secret=SECRET, read_again=lambda: "new-canary/secret")
    with pytest.raises(NoToken) as caught:
        await tokens_of(who, given.ca_file).app.get()
    assert "canary" not in f"{caught.value} {caught.value.__dict__}"


async def test_a_certificate_that_was_replaced_is_used_for_the_next_token(given: Authority, tmp_path: Path) -> None:
    """The file is read again each time, so a refused certificate (700027) needs no restart."""
    file = tmp_path / "client.pem"
    old, new = certificate(), certificate()
    file.write_bytes(old[1])
    source = tokens_of(identity(given, certificate_file=file), given.ca_file).app
    given.refusal = {"error": "invalid_client", "error_description": "AADSTS700027: Invalid signature."}
    with pytest.raises(NoToken, match="AADSTS700027"):
        await source.get()
    given.refusal = None
    file.write_bytes(new[1])
    await tokens_of(identity(given, certificate_file=file), given.ca_file).app.get()
    signed = given.asked[-1]["client_assertion"]
    assert jwt.decode(signed, new[0].public_key(), ["PS256", "RS256"], options={"verify_aud": False})["sub"] == CLIENT


async def test_an_authority_that_is_down(given: Authority) -> None:
    """After a failure the authority gets no request for a while. Then it is asked again."""
    given.down = True
    source = tokens_of(identity(given), given.ca_file).app
    with pytest.raises(NoToken, match="cannot be asked"):
        await source.get()
    asked = len(given.wire.seen)
    with pytest.raises(NoToken) as caught:
        await source.get()
    assert caught.value.delay > 0
    assert len(given.wire.seen) == asked


async def test_an_authority_with_an_unknown_certificate(given: Authority) -> None:
    """Its CA file is trusted beside the usual ones, and no other authority is."""
    with pytest.raises(NoToken, match="CERTIFICATE_VERIFY_FAILED"):
        await tokens_of(identity(given), None).app.get()
    assert given.asked == []


async def test_an_authority_that_does_not_answer(given: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """azplan's own time-out ends the wait."""
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    given.wire.will(says_nothing)
    with pytest.raises(NoToken, match="timed out"):
        await tokens_of(identity(given), given.ca_file).app.get()


async def test_an_authority_that_is_no_url() -> None:
    """A mistake in the settings is reported as such, whatever MSAL raises."""
    with pytest.raises(NoToken, match="https url"):
        await tokens_of(Identity("http://localhost/x", CLIENT, AUDIENCE, client_secret=SECRET), None).app.get()


@pytest.mark.parametrize(("expires_in", "life"), [(3599, 3599), ("600", 600)])
async def test_how_long_a_token_lives(given: Authority, expires_in: object, life: float) -> None:
    """The answer has the life as a number or as text."""
    given.expires_in = expires_in
    token = await tokens_of(identity(given), given.ca_file).app.get()
    now = datetime.now(UTC).timestamp()
    assert token.expires_at - now == pytest.approx(life, abs=5)
    assert token.expires_at - token.renew_at == pytest.approx(min(300, life / 5))


class Fetch:
    """An authority in memory, called in threads."""

    def __init__(self) -> None:
        self.calls = 0
        self.failing = False
        self.life = 1000.0
        self.pause: threading.Event | None = None

    def __call__(self) -> dict[str, Any]:
        """Answer with a token, or with none."""
        self.calls += 1
        if self.pause is not None:
            self.pause.wait(10)
        if self.failing:
            raise NoToken("the authority is down")
        return {"access_token": f"t{self.calls}", "expires_in": self.life}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads answer at once: virtual time does not wait for threads."""

    async def to_thread(function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)


@pytest.mark.looptime
@pytest.mark.usefixtures("at_once")
async def test_a_token_is_renewed_before_it_expires() -> None:
    """The renewal comes a fifth of its life before the end, and at most five minutes before."""
    fetch = Fetch()
    source = TokenSource("contoso", "app", fetch, LoopClock())
    assert (await source.get()).value == "t1"
    await asyncio.sleep(799)
    assert (await source.get()).value == "t1"
    await asyncio.sleep(2)
    assert (await source.get()).value == "t2"


@pytest.mark.looptime
@pytest.mark.usefixtures("at_once")
async def test_an_old_token_serves_while_no_new_one_can_be_had() -> None:
    """The token is used until it expires. Then calls wait, and the authority is asked more and more seldom."""
    fetch = Fetch()
    source = TokenSource("contoso", "app", fetch, LoopClock())
    await source.get()
    fetch.failing = True
    await asyncio.sleep(900)
    assert (await source.get()).value == "t1"
    assert source.trouble == "the authority is down"
    await asyncio.sleep(101)
    delays = []
    for _ in range(7):
        with pytest.raises(NoToken) as caught:
            await source.get()
        delays.append(caught.value.delay)
        await asyncio.sleep(caught.value.delay)
    assert delays == [4, 8, 16, 32, 60, 60, 60]
    fetch.failing = False
    assert (await source.get()).value == f"t{fetch.calls}"
    assert source.trouble is None


@pytest.mark.looptime
@pytest.mark.usefixtures("at_once")
async def test_a_refused_token_is_replaced_once() -> None:
    """All refused callers get the same new token. If that is refused at once, another one would not help."""
    source = TokenSource("contoso", "app", Fetch(), LoopClock())
    old = await source.get()
    new = [await source.replace(old) for _ in range(3)]
    assert {token.value for token in new} == {"t2"}
    with pytest.raises(NoToken) as caught:
        await source.replace(new[0])
    assert caught.value.delay == pytest.approx(10)
    await asyncio.sleep(10)
    assert (await source.replace(new[0])).value == "t3"


async def test_a_caller_that_gives_up_does_not_stop_the_renewal() -> None:
    """A rotated refresh token is stored, even if no caller waits any more."""
    fetch = Fetch()
    fetch.pause = threading.Event()
    source = TokenSource("contoso", "app_user", fetch, Clock())
    first = asyncio.create_task(source.get())
    await asyncio.sleep(0.05)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    fetch.pause.set()
    assert (await source.get()).value == "t1"
    assert fetch.calls == 1


WEEK = 7 * 86_400


@pytest.mark.looptime
@pytest.mark.usefixtures("at_once")
async def test_a_refresh_token_that_nobody_uses_is_kept_alive(tmp_path: Path) -> None:
    """It is renewed when it is a week old. Its expiry is always shown."""
    clock = LoopClock()
    file = tmp_path / "refresh-token"
    file.write_text(REFRESH)
    issued = clock.now().timestamp()
    os.utime(file, (issued, issued))
    tokens = Tokens("fabrikam", Identity("", "", "", client_secret=""), ssl.create_default_context(), file, clock)
    fetch = Fetch()
    tokens.user = TokenSource("fabrikam", "app_user", fetch, clock)
    keeping = asyncio.create_task(tokens.keep_fresh())
    await asyncio.sleep(WEEK - 1)
    assert fetch.calls == 0
    await asyncio.sleep(2)
    assert fetch.calls == 1
    fetch.failing = True
    await asyncio.sleep(WEEK + 2 * 3600)
    assert fetch.calls > 2
    keeping.cancel()
    shown = metrics.REGISTRY.get_sample_value("azplan_auth_refresh_token_expiry_timestamp_seconds")
    assert shown == pytest.approx(issued + 90 * 86_400)


@pytest.mark.looptime
@pytest.mark.usefixtures("at_once")
async def test_a_missing_refresh_token_is_reported_before_any_call_needs_it(tmp_path: Path) -> None:
    """Before the first upgrade needs it, the log names the file and says what to do."""
    file = tmp_path / "refresh-token"
    none = Identity("", "", "", client_secret="")
    tokens = Tokens("fabrikam", none, ssl.create_default_context(), file, LoopClock())
    with overheard() as logged:
        keeping = asyncio.create_task(tokens.keep_fresh())
        await asyncio.sleep(1)
        keeping.cancel()
    (line,) = logged
    assert (line["event"], line["file"]) == ("refresh_token.missing", str(file))
    assert "azplan check" in line["advice"]


async def test_an_account_without_a_user_has_nothing_to_keep(given: Authority) -> None:
    """The work ends at once, without a request."""
    await tokens_of(identity(given), given.ca_file).keep_fresh()
    assert given.wire.seen == []


def test_secrets_do_not_show_when_things_are_printed() -> None:
    """The secrets of the identity and of a token are hidden."""
    assert SECRET not in repr(Identity("https://a/b", CLIENT, AUDIENCE, client_secret=SECRET))
    assert SECRET not in f"{AccessToken(SECRET, 1, 2)} {[AccessToken(SECRET, 1, 2)]}"
