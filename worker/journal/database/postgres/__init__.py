"""The journal on PostgreSQL: the only modules that know asyncpg."""
