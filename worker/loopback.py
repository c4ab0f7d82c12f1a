"""Which host names and addresses mean this machine."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """True for this machine's own names and addresses."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")
