"""Replays: planned, priced, paced and applied."""
