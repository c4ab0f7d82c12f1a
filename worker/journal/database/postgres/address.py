"""The address of PostgreSQL in the journal's URL, and the TLS of the connection. Reads files, connects nowhere."""

import os
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from worker.errors import JournalRefused
from worker.loopback import is_loopback

Mode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
MODES: tuple[Mode, ...] = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
WEAK: tuple[Mode, ...] = ("allow", "prefer")
"""In these modes a connection without TLS is accepted if the server offers none."""


@dataclass(frozen=True, slots=True)
class Address:
    """A PostgreSQL database. `password`: if the URL has none. `ca_file`: an authority beside those of the system."""

    url: str = field(repr=False)
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    @property
    def options(self) -> dict[str, str]:
        """The options behind the question mark of the URL."""
        return dict(parse_qsl(urlsplit(self.url).query))

    @property
    def hosts(self) -> list[str]:
        """The hosts that are tried: names, addresses, or folders of sockets."""
        named = (
            urlsplit(self.url).netloc.rpartition("@")[2] or self.options.get("host", "") or os.environ.get("PGHOST", "")
        )
        return [host for each in named.split(",") if (host := _without_port(unquote(each)))]

    @property
    def mode(self) -> Mode:
        """The URL's `sslmode`, else PGSSLMODE, else `prefer`. Raises `JournalRefused` if there is no such mode."""
        asked = self.options.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"
        found = next((mode for mode in MODES if mode == asked), None)
        if found is None:
            raise JournalRefused(f"sslmode in AZPLAN_JOURNAL__URL must be one of {', '.join(MODES)}")
        return found

    @property
    def target(self) -> Any:
        """The servers that may be used: `read-write`, unless the URL or PGTARGETSESSIONATTRS says otherwise."""
        asked = self.options.get("target_session_attrs") or os.environ.get("PGTARGETSESSIONATTRS")
        return asked or "read-write"

    def warning(self) -> str | None:
        """What an attacker between worker and database could do, and the remedy. None if TLS prevents every attack."""
        far = [host for host in self.hosts if not _is_near(host)]
        if not far or self.mode == "verify-full":
            return None
        return (
            f"the connection to PostgreSQL at {', '.join(far)} has sslmode={self.mode}, which does not prove that this "
            "is the server: an attacker in between could read and change the journal, and learn its password. Add "
            "sslmode=verify-full to AZPLAN_JOURNAL__URL. If the authority of the server's certificate is not one of "
            "the system's, name its file in AZPLAN_JOURNAL__CA_FILE."
        )

    def context(self) -> ssl.SSLContext | None:
        """The TLS that the mode asks for; None without TLS. Raises `JournalRefused` if a file cannot be used.

        Files under HOME are used only if HOME can be read: the worker may run as a user without a HOME.
        """
        mode = self.mode
        if mode == "disable":
            return None
        try:
            return self._context(mode)
        except (OSError, ssl.SSLError) as error:
            raise JournalRefused(
                f"the certificates for PostgreSQL cannot be used: {error}. Look at AZPLAN_JOURNAL__CA_FILE, and at "
                "sslrootcert, sslcert and sslkey in AZPLAN_JOURNAL__URL"
            ) from error

    def _context(self, mode: Mode) -> ssl.SSLContext:
        root = self._file("sslrootcert", "root.crt")
        # As with libpq, `require` checks the certificate if an authority is named, and accepts any if none is named.
        proves = mode.startswith("verify") or (mode == "require" and bool(root or self.ca_file))
        by_system = proves and root in (None, "system")  # reading the system's authorities takes 20 ms
        context = ssl.create_default_context() if by_system else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["postgresql"])
        context.check_hostname = mode == "verify-full"
        context.verify_mode = ssl.CERT_REQUIRED if proves else ssl.CERT_NONE
        for authority in (root, self.ca_file):
            if authority and authority != "system":
                context.load_verify_locations(authority)
        if revoked := self._file("sslcrl", "root.crl"):
            context.load_verify_locations(revoked)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
        if certificate := self._file("sslcert", "postgresql.crt"):
            password = self.options.get("sslpassword", "")
            context.load_cert_chain(certificate, self._file("sslkey", "postgresql.key"), lambda: password)
        return context

    def _file(self, option: str, in_home: str) -> str | None:
        """A file that the URL or the environment names; else the one in HOME, if there is one and it can be read."""
        if named := self.options.get(option) or os.environ.get(f"PG{option.upper()}"):
            return named
        with suppress(OSError, RuntimeError, KeyError):
            found = Path.home() / ".postgresql" / in_home
            if found.is_file() and os.access(found, os.R_OK):
                return str(found)
        return None


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.startswith("/") else host.partition(":")[0]


def _is_near(host: str) -> bool:
    """Whether traffic to this host stays on this machine."""
    return host.startswith(("/", "@")) or is_loopback(host)
