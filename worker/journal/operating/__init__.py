"""The changes by people: requests, pauses, dead letters, replay plans, rebuild, retention."""
