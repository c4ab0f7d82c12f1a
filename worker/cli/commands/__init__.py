"""The verbs of `azplan commands`, one a module."""
