"""TLS with the brokers: trusted certificate authorities, and the worker's own certificate."""

import ssl
from pathlib import Path

from worker.broker.port import BrokerRefused
from worker.trusted_certificates import tls_context

_CERTIFICATE, _KEY = "AZPLAN_KAFKA__CERTIFICATE_FILE", "AZPLAN_KAFKA__KEY_FILE"


def broker_tls_context(ca_file: str | None, certificate_file: str | None, key_file: str | None) -> ssl.SSLContext:
    """The TLS context for connections to the brokers. Raises BrokerRefused, naming the setting of an unusable file."""
    try:
        made = tls_context(Path(ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise BrokerRefused(f"AZPLAN_KAFKA__CA_FILE {ca_file} cannot be used: {error}") from error
    if certificate_file and key_file:
        _say_who_we_are(made, certificate_file, key_file)
    return made


def _say_who_we_are(made: ssl.SSLContext, certificate_file: str, key_file: str) -> None:
    for name, file in ((_CERTIFICATE, certificate_file), (_KEY, key_file)):
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise BrokerRefused(f"{name} {file} cannot be read: {error.strerror or error}") from error
    try:
        made.load_cert_chain(certificate_file, key_file, password=_no_password)
    except _EncryptedError:
        raise BrokerRefused(
            f"{_KEY} {key_file} is encrypted. Write the key without a passphrase (`openssl pkey -in FILE -out NEW_FILE`"
            ") and make the file readable for the worker only"
        ) from None
    except ssl.SSLError as error:
        raise BrokerRefused(_why(error, certificate_file, key_file)) from error


def _why(error: ssl.SSLError, certificate_file: str, key_file: str) -> str:
    if "KEY_VALUES_MISMATCH" in str(error):
        return f"{_KEY} {key_file} does not belong to the certificate in {_CERTIFICATE} {certificate_file}"
    alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        alone.load_verify_locations(certificate_file)
    except ssl.SSLError:
        return f"{_CERTIFICATE} {certificate_file} holds no certificate in PEM"
    return f"{_KEY} {key_file} holds no private key in PEM: {error.reason or error}"


class _EncryptedError(Exception):
    """The private key is encrypted."""


def _no_password() -> str:
    # Otherwise OpenSSL would ask for the passphrase on the terminal, and a worker in the background would wait forever.
    raise _EncryptedError
