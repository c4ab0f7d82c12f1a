-- Lanes and effects belong to a tenant and a customer. `lanes` is what the names of the tenant's lanes begin with, and what
-- `command.partner`, `lane.partner` and `pause.partner` hold. It never changes, however the tenant's account is called.

CREATE TABLE tenant (
    id text PRIMARY KEY,
    lanes text NOT NULL UNIQUE,
    account text,
    at {big} NOT NULL
);

CREATE TABLE account_name (
    name text PRIMARY KEY,
    lanes text NOT NULL,
    at {big} NOT NULL
);

ALTER TABLE command ADD COLUMN account text;
