-- What one worker at a time does for all of them, and plans whose items are still to be forgotten.

CREATE TABLE chore (
    name text PRIMARY KEY,
    worker text NOT NULL,
    until {big} NOT NULL
);

CREATE TABLE forgotten_plan (
    id text PRIMARY KEY
);
