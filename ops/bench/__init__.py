"""Measures the speed and the memory of azplan. No test uses this package."""
