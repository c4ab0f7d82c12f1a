"""Parts made from settings."""
