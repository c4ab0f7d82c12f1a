"""Carries out the wishes of persons and other processes while the worker runs: requests, pauses, probes, wake-ups."""
