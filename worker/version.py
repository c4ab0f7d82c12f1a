"""Which azplan this is."""

from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


@cache
def version() -> str:
    """The version of the installed distribution; `0+unknown` in a checkout that was never installed."""
    try:
        return installed("azplan")
    except PackageNotFoundError:
        return "0+unknown"
