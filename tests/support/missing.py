"""A component that a test needs and this machine has not: skipped with the reason, and a failure in CI."""

import os
from typing import NoReturn

import pytest


def missing(component: str, remedy: str) -> NoReturn:
    """Skip the test, saying what is missing and how to get it. With AZPLAN_CI=1 nothing may be missing: fail."""
    sentence = f"{component} is missing: {remedy}"
    if os.environ.get("AZPLAN_CI") == "1":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
