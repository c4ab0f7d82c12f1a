"""The journal's promises, each kept on SQLite and on PostgreSQL. Mirrors `worker/journal`."""
