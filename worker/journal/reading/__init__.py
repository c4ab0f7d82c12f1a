"""The reads for people and metrics. Nothing here changes the journal."""
