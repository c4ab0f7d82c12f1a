-- How late things showed at Partner Center: microseconds after the cause at which a look did not find one yet, and at
-- which a look found it. `partner` is what the names of the tenant's lanes begin with. The newest few of each pair count.

CREATE TABLE lag (
    seq {serial},
    partner text NOT NULL,
    awaited text NOT NULL,
    not_before {big} NOT NULL,
    shown_by {big} NOT NULL
);
CREATE INDEX lag_newest ON lag (partner, awaited, seq);
