"""The story of one command: what became of it, what is unknown, and everything that happened."""
