"""The journal on SQLite: the only modules that know sqlite3."""
