"""Secrets in text: the forms that are masked, and the text that is left alone."""

import time

import pytest

from worker.redaction import MASK, Redactor, is_secret_name, redact

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhcGkifQ.c2lnbmF0dXJl-_x"
REFRESH = "0.AXoAx9Tq-1u2v3w4x5y6z7A8B9C0D1E2F3.AgABAAEAAADnfolhJpSnRYB1SVj-Hgd8Ag"
CONNECTION = "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=aGVsbG8gd29ybGQh+/=="


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"token was {JWT}.", JWT),
        (f"Authorization: Bearer {JWT}", JWT),
        ("authorization: Basic YXpwbGFuOmh1bnRlcjIy", "YXpwbGFuOmh1bnRlcjIy"),
        ("Bearer opaque-but-long-enough-123", "opaque-but-long-enough-123"),
        (f"refreshed with {REFRESH}", REFRESH),
        (f'{{"refresh_token":"{REFRESH}","scope":"x"}}', REFRESH),
        ("grant_type=refresh_token&client_secret=p%40ss~w0rd&scope=x", "p%40ss~w0rd"),
        ("{'client_secret': 'p@ss, w0rd'}", "p@ss, w0rd"),
        ("client_assertion: abc.def", "abc.def"),
        ("sasl_plain_password='correct horse'", "correct horse"),
        ('ScramLoginModule required username="u" password="hunter22";', "hunter22"),
        ("postgresql://azplan:s3cr3t@db:5432/azplan", "s3cr3t"),
        ("could not reach amqp+ssl://u:p%2Fq@h", "p%2Fq"),
        (CONNECTION, "aGVsbG8gd29ybGQh"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----\n", "MIIEow"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEcut", "MIIEcut"),
        ("AZPLAN_KAFKA__SASL_PASSWORD=hunter22", "hunter22"),
        ('password="cut off in the mid', "cut off"),
        ("Set-Cookie: session=abcdef", "session=abcdef"),
        ("GET https://x.blob.core.windows.net/a?sv=1&sig=hAAf%2Fb%3D&sp=rl failed", "hAAf%2Fb%3D"),
    ],
)
def test_a_secret_does_not_survive(text: str, secret: str) -> None:
    """In every form of a secret the mask replaces all of it."""
    cleaned = redact(text)
    assert secret not in cleaned
    assert MASK in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "the token for contoso expires in 5 minutes",
        "https://api.partnercenter.microsoft.com/v1/customers/0d9b0b5e-7a3b-4a3c-9a64-6f2f3b1f6c01/carts",
        "postgresql://db/azplan",
        "refresh token age 12 days",
        "MS-CorrelationId 6c1d5a3e-2f0b-4e57-8a06-3f9d9b8a7c02 MS-RequestId 3f9d9b8a-7c02-4e57-8a06-6c1d5a3e2f0b",
        "token_unavailable: AADSTS7000215",
        "basic questions about bearer bonds",
        "10.0.0.1:9092 version 1.2.3.A",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    """The text that people need to find a fault stays readable."""
    assert redact(text) == text


def test_known_secrets_are_masked_wherever_they_stand() -> None:
    """This holds without any telling form, and for a secret within another."""
    redactor = Redactor(["opaque-value", "opaque-value-and-more", "ab"])
    assert redactor.text("x opaque-value-and-more y opaque-value z ab") == f"x {MASK} y {MASK} z ab"


def test_values_are_walked_and_names_are_believed() -> None:
    """Nested containers, bytes and odd objects are walked.

    A value under a secret's name is masked, except numbers and flags.
    """

    class Odd:
        def __str__(self) -> str:
            return f"Odd({JWT})"

    told = {
        "headers": {"Authorization": "anything", "x-ms-request-id": "1"},
        "list": [JWT, (b"Bearer " + JWT.encode(), 5)],
        "odd": Odd(),
        "client_secret": "short",
        "password": None,
        "has_token": True,
    }
    assert Redactor().value(told) == {
        "headers": {"Authorization": MASK, "x-ms-request-id": "1"},
        "list": [MASK, [f"Bearer {MASK}", 5]],
        "odd": f"Odd({MASK})",
        "client_secret": MASK,
        "password": None,
        "has_token": True,
    }


SLOW = {
    "a token that never gets its dot": "eyJaaaa-",
    "with a dot at each end": "eyJaaaa-eyJaaaaa-.",
    "with a dot and nothing behind it": "eyJaaaaaa.. ",
    "dots": "eyJ.",
    "a refresh token that is none": "M.Aaaa",
    "many of them": "0.AA ",
    "schemes": "bearer ",
    "schemes and much space": "basic" + " " * 40,
    "addresses": "://a:",
    "addresses with names": "://aaaaaaaaaaaaaaaaaaaa:bbbbbbbbbbbbbbbbbbbb ",
    "names of secrets": "secret",
    "names with signs": "password=",
    "names with quotes": "password='\"",
    "names and space": "token : ",
    "keys that begin": "-----BEGIN ",
    "keys that do not end": "-----BEGIN PRIVATE KEY-----",
    "ends of keys": "-----BEGIN PRIVATE KEY----------END AAAA ",
    "capitals": "-----BEGIN PRIVATE PRIVATE ",
    "shared access": "SharedAccessKey = ",
    "hyphens": "-",
    "nothing in particular": "a-",
    "space": " ",
}


@pytest.mark.parametrize("unit", SLOW.values(), ids=SLOW)
def test_long_text_takes_as_long_as_it_is(unit: str) -> None:
    """Eight times the text takes about eight times as long and not 64 times, even for text made to be slow."""
    short = unit * (20_000 // len(unit))
    assert quickest(short * 8) < 25 * quickest(short)
    assert quickest(short * 8, as_key=True) < 25 * quickest(short, as_key=True)


def quickest(text: str, *, as_key: bool = False) -> float:
    """Seconds of this thread's work for a text, as a text or as a name: the least of several tries."""
    tries = []
    for _ in range(5):
        begun = time.thread_time_ns()
        _ = is_secret_name(text) if as_key else redact(text)
        tries.append(time.thread_time_ns() - begun)
    return max(min(tries), 100_000)


def test_a_token_within_a_run_of_its_characters_is_found() -> None:
    """The characters before the token stay, unless they belong to it."""
    assert redact(f"session-{JWT}") == f"session-{MASK}"
    assert redact(f"a.b.{JWT} eyJnothing. Else") == f"a.b.{MASK} eyJnothing. Else"
    assert redact(f"eyJ.{JWT}") == f"eyJ.{MASK}"
