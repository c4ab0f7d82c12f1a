-- Request ceilings that all processes share. One row is one ceiling: who holds which slots, as worker/ceiling/shared_ceiling.py
-- decides. The text is JSON.

CREATE TABLE ceiling (
    name text PRIMARY KEY,
    held text NOT NULL
);
