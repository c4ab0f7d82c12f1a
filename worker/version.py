"""Which azplan this is."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("azplan")
except PackageNotFoundError:  # a checkout that was never installed
    VERSION = "0+unknown"
