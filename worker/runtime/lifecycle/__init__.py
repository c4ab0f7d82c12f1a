"""A worker from its first check to the end of its stop."""
