"""Shared access signatures of a folder: made by the exports, checked by the storage.

Members: learn.microsoft.com rest/api/storageservices/create-user-delegation-sas.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

STAMP = "%Y-%m-%dT%H:%M:%SZ"


def sign(key: bytes, folder: str, now: datetime, expiry: datetime) -> str:
    """Return the query, without question mark, that opens a folder until its expiry."""
    until = expiry.astimezone(UTC).strftime(STAMP)
    return urlencode(
        {
            "skoid": "5e11e500-0000-4000-8000-0000000510da",
            "sktid": "5e11e500-0000-4000-8000-00000000e11a",
            "skt": now.astimezone(UTC).strftime(STAMP),
            "ske": until,
            "sks": "b",
            "skv": "2022-11-02",
            "sv": "2022-11-02",
            "se": until,
            "sr": "d",
            "sp": "rl",
            "sdd": str(folder.count("/") - 1),
            "sig": _signature(key, folder, until),
        }
    )


def is_signed(key: bytes, folder: str, query: Mapping[str, str]) -> bool:
    """Tell whether a query opens a folder, whether or not it has expired."""
    wanted = _signature(key, folder, query.get("se", ""))
    return query.get("sr") == "d" and "r" in query.get("sp", "") and hmac.compare_digest(wanted, query.get("sig", ""))


def has_expired(query: Mapping[str, str], now: datetime) -> bool:
    """Tell whether the time of a query is over."""
    try:
        return datetime.strptime(query.get("se", ""), STAMP).replace(tzinfo=UTC) <= now
    except ValueError:
        return True


def _signature(key: bytes, folder: str, until: str) -> str:
    return base64.b64encode(hmac.digest(key, f"{folder}\n{until}\nrl".encode(), hashlib.sha256)).decode()
