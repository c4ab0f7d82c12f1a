-- Open commands in a state that only a newer azplan knows. The index is empty until there is one.

CREATE INDEX command_foreign ON command (lane, turn)
    WHERE concluded_at IS NULL AND state NOT IN ('accepted', 'waiting', 'succeeded', 'rejected', 'failed');
