"""A component that a test needs and this machine lacks: the test is skipped with the reason, and fails in CI."""

import os
from typing import NoReturn

import pytest


def missing(component: str, remedy: str) -> NoReturn:
    """Skip the test and say which component is missing and how to get it. With AZPLAN_CI=1, fail instead."""
    sentence = f"{component} is missing: {remedy}"
    if os.environ.get("AZPLAN_CI") == "1":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
