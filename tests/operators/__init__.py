"""What operators do beside running workers: requests, pauses, dead letters, replays, rebuilt journals."""
