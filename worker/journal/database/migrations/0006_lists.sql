-- Lists of commands and dead letters by state and by code, the newest first.

CREATE INDEX command_state ON command (state, seq);
CREATE INDEX command_code ON command (code, seq) WHERE code IS NOT NULL;
CREATE INDEX dead_letter_code ON dead_letter (code, seq);
CREATE INDEX dead_letter_state ON dead_letter (state, seq);
