"""A small token authority behind TLS, for the real MSAL: scripted answers, recorded requests."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import trustme

from tests.partner_center.wire import Move, Seen, Wire, answers, wire

TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "66666666-7777-4888-8999-000000000000"
AUDIENCE = "https://api.partnercenter.microsoft.com"


@dataclass
class Authority:
    """One authority: `asked` holds the forms of token requests, `issued` the access tokens."""

    wire: Wire
    ca_file: Path
    asked: list[dict[str, str]] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)
    tenants: list[str] = field(default_factory=list)
    """The tenant of each token request."""
    expires_in: object = 3599
    refusal: dict[str, object] | None = None
    echoes: bool = False
    """If true, refuses every request and repeats the request in its answer."""
    secret: str | None = None
    """The only secret that is accepted. None: every secret."""
    refuses: str = "AADSTS7000215"
    """The code for other secrets."""
    rotates: bool = True
    down: bool = False

    @property
    def url(self) -> str:
        """The value for the setting of the authority."""
        return f"{self.wire.url}/{TENANT}"

    def react(self, seen: Seen) -> Move:
        """Answer discovery and token requests."""
        if self.down:
            return answers(503, {"error": "temporarily_unavailable"})
        tenant = seen.target.split("/")[1]
        if seen.method == "GET":
            token = f"{self.wire.url}/{tenant}/oauth2/v2.0/token"
            found = {
                "issuer": f"{self.wire.url}/{tenant}",
                "authorization_endpoint": f"{token}x",
                "token_endpoint": token,
            }
            return answers(200, found)
        form = {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
        self.asked.append(form)
        self.tenants.append(tenant)
        if self.echoes:
            return answers(401, {"error": "invalid_client", "error_description": f"AADSTS50012: {form} {seen.body!r}"})
        if self.refusal is not None:
            return answers(401, self.refusal)
        if self.secret is not None and form.get("client_secret") != self.secret:
            description = f"{self.refuses}: The secret is not that of the application."
            return answers(401, {"error": "invalid_client", "error_description": description})
        self.issued.append(f"access-token-{len(self.issued) + 1}")
        answer = {"token_type": "Bearer", "access_token": self.issued[-1], "expires_in": self.expires_in}
        if form["grant_type"] == "refresh_token" and self.rotates:
            answer["refresh_token"] = f"{form['refresh_token']}+"
        return answers(200, answer)


@asynccontextmanager
async def authority(folder: Path) -> AsyncIterator[Authority]:
    """A running authority, whose own CA is in `ca_file`."""
    certificates = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificates.issue_cert("localhost").configure_cert(tls)
    ca_file = folder / "ca.pem"
    certificates.cert_pem.write_to_path(str(ca_file))
    async with wire(tls) as server:
        made = Authority(server, ca_file)
        server.react = made.react
        yield made
