"""The writes of a worker that processes commands."""
