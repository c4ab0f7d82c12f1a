"""What persons and other processes ask of a worker while it runs: requests, pauses, probes, wake-ups."""
