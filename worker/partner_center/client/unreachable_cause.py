"""Why a host cannot be reached, read from an exception of httpx or aiohttp. Pure."""

import socket
import ssl
from collections.abc import Iterator

import aiohttp
import httpx

_OUT_OF_DATE = frozenset({9, 10})
"""X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED."""
_OTHER_NAME = frozenset({62, 63, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_EMAIL_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH."""
_PROXY_AUTHENTICATION = 407


def why_unreachable(error: BaseException, *, proxied: bool) -> str:
    """The reason as a kind of `trouble_explanations.tsv`. `proxied`: a failed connection is the proxy's."""
    chain = tuple(_chain(error))
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in chain):
        return _certificate({getattr(each, "verify_code", None) for each in chain})
    if any(isinstance(each, ssl.SSLError) for each in chain):
        return "tls"
    if any(isinstance(each, aiohttp.ClientHttpProxyError | httpx.ProxyError) for each in chain):
        return "proxy_auth" if any(_wants_password(each) for each in chain) else "proxy"
    if any(isinstance(each, TimeoutError | httpx.TimeoutException) for each in chain) and not _connection_failed(chain):
        return "timeout"
    if proxied:
        return "proxy"
    if any(isinstance(each, socket.gaierror | aiohttp.ClientConnectorDNSError) for each in chain):
        return "dns"
    return "connect"


def _certificate(codes: set[int | None]) -> str:
    """The kind by OpenSSL's codes. aiohttp's error is an `SSLCertVerificationError` too, and has no code."""
    if codes & _OUT_OF_DATE:
        return "tls_expired"
    return "tls_name" if codes & _OTHER_NAME else "tls_untrusted"


def _wants_password(error: BaseException) -> bool:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return error.status == _PROXY_AUTHENTICATION
    return isinstance(error, httpx.ProxyError) and str(error).startswith(str(_PROXY_AUTHENTICATION))


def _connection_failed(chain: tuple[BaseException, ...]) -> bool:
    """Whether connecting failed at once. The transport reports that as a connect time-out too."""
    return any(isinstance(each, aiohttp.ClientConnectorError) for each in chain)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
