"""The rules of the house, as tests: each failure says what to add and where to add it."""
