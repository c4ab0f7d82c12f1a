"""What people and metrics read. Nothing here changes the journal."""
