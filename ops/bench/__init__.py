"""Measures azplan beside what it could be compared with. Nothing here is part of a test."""
