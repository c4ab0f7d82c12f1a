"""The modules that lie directly in `worker/`."""
