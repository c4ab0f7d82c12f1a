"""Which certificates are trusted: those of the system's authorities, and those of one more file."""

import os
import re
import ssl
from pathlib import Path
from typing import Final

_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, Red Hat
    "/etc/pki/tls/cert.pem",  # the same, older
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD, Alpine
)
"""Where systems keep their authorities. A Python that was built elsewhere may look in a place that does not exist."""
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A context that trusts the system's authorities and those of `ca_file`. Raises OSError if the file cannot be read.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the system's store, as in every program that uses OpenSSL.
    """
    context = ssl.create_default_context()
    bundle = _bundle()
    if bundle is not None:
        context.load_verify_locations(cafile=bundle)
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def _bundle() -> str | None:
    """The file of the system's authorities. None if OpenSSL finds the authorities by itself, or nobody does."""
    paths = ssl.get_default_verify_paths()
    if any(os.environ.get(name) for name in (paths.openssl_cafile_env, paths.openssl_capath_env)):
        return None
    if paths.cafile or (paths.capath and _has_certificates(paths.capath)):
        return None
    return next((path for path in _BUNDLES if Path(path).is_file()), None)


def _has_certificates(folder: str) -> bool:
    try:
        return any(_HASHED.fullmatch(name) for name in os.listdir(folder))  # noqa: PTH208 - names are all that counts
    except OSError:
        return False
