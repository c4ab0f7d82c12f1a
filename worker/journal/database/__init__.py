"""The databases under the journal: transactions, group commit, schema, PostgreSQL and SQLite."""
