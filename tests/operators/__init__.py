"""What operators do beside running workers: requests, the brake, dead letters, replays, rebuilt journals."""
