"""The demo as a person starts it."""
