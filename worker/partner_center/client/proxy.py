"""The HTTP proxy of an account: its address, and the worker's user and password there."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from worker.loopback import is_loopback


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that opens a tunnel (CONNECT). It sees the host, and nothing else of a request.

    `repr` does not show the password.
    """

    url: str
    """The address, without user and password."""
    user: str | None = None
    password: str = field(default="", repr=False)

    @classmethod
    def read(cls, url: str) -> "Proxy":
        """A proxy from `http://user:password@host:port`, with user and password percent-encoded."""
        parts = urlsplit(url)
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if parts.username is None:
            return cls(address)
        return cls(address, unquote(parts.username), unquote(parts.password or ""))

    def serves(self, url: str) -> bool:
        """Whether requests to this address use the proxy. Requests to loopback hosts do not."""
        return not is_loopback(urlsplit(url).hostname or "")
