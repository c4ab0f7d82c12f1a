"""One module for each resource of Partner Center: its operations, models and functions."""
