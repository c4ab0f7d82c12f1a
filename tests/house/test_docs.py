"""README.md says what the code says."""

from ops.docs import README, written


def test_the_tables_of_the_readme_are_those_of_the_code() -> None:
    """Settings, codes and metrics are written once, in the code; `make docs` brings the tables up to date."""
    text = README.read_text("utf-8")

    assert written(text) == text, "run `make docs`"
