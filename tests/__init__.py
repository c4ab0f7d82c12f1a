"""The tests; see CONTRIBUTING.md for their kinds and how to run each."""
