"""What people change: requests, pauses, dead letters, replay plans, rebuild, retention."""
