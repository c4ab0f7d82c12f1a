"""The HTTP proxy of an account: where it is, and who the worker is there. Its password shows in no text of it."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from worker.loopback import is_loopback


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that is asked for a tunnel (CONNECT), so that it sees the host and nothing of what is said."""

    url: str
    """Without user and password."""
    user: str | None = None
    password: str = field(default="", repr=False)

    @classmethod
    def read(cls, url: str) -> "Proxy":
        """From `http://user:password@host:port`, user and password percent-encoded."""
        parts = urlsplit(url)
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if parts.username is None:
            return cls(address)
        return cls(address, unquote(parts.username), unquote(parts.password or ""))

    def serves(self, url: str) -> bool:
        """Whether the way to this address leads through it: not to this very machine."""
        return not is_loopback(urlsplit(url).hostname or "")
