"""The one grammar of numbers that Microsoft writes as text: decimal digits in ASCII, with or without an exponent."""

import re

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")


def is_written_number(text: str) -> bool:
    """Whether all of `text` is a number. A space is none of it."""
    return _NUMBER.fullmatch(text) is not None
