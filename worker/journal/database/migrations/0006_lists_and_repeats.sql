-- Lists of commands and dead letters by state and by code, the newest first. And the digest of a command's record: a record
-- that is read again is known by its digest. A command of an older azplan has no digest.

CREATE INDEX command_state ON command (state, seq);
CREATE INDEX command_code ON command (code, seq) WHERE code IS NOT NULL;
CREATE INDEX dead_letter_code ON dead_letter (code, seq);
CREATE INDEX dead_letter_state ON dead_letter (state, seq);

ALTER TABLE command ADD COLUMN digest text;
CREATE INDEX command_digest ON command (digest) WHERE digest IS NOT NULL;
