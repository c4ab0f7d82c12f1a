-- {bytes}, {serial} and {big} stand for the database's own words. Instants are microseconds since 1970, truth is 0 or 1.

CREATE TABLE worker (
    id text PRIMARY KEY,
    name text NOT NULL,
    version text NOT NULL,
    started_at {big} NOT NULL,
    seen_at {big} NOT NULL,
    expires_at {big} NOT NULL
);

CREATE TABLE lane (
    id text PRIMARY KEY,
    partner text NOT NULL,
    customer text NOT NULL,
    owner text,
    epoch {big} NOT NULL DEFAULT 0,
    unfinished integer NOT NULL DEFAULT 0,
    unfinished_since {big} NOT NULL DEFAULT 0,
    settle_until {big} NOT NULL DEFAULT 0
);
CREATE INDEX lane_oldest ON lane (owner, unfinished_since, id) WHERE unfinished = 1;
CREATE INDEX lane_owned ON lane (owner, id) WHERE unfinished = 1;

CREATE TABLE command (
    seq {serial},
    uid text NOT NULL UNIQUE,
    source text NOT NULL,
    id text NOT NULL,
    type text NOT NULL,
    lane text NOT NULL,
    partner text NOT NULL,
    customer text NOT NULL,
    fingerprint text NOT NULL,
    algorithm integer NOT NULL,
    correlation_id text NOT NULL,
    state text NOT NULL,
    code text,
    redrive integer NOT NULL DEFAULT 0,
    revision {big} NOT NULL DEFAULT 0,
    resolution text,
    turn {big} NOT NULL,
    due_at {big},
    released integer NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    reason text,
    waits text NOT NULL DEFAULT '{{}}',
    memory text NOT NULL DEFAULT '{{}}',
    received_at {big} NOT NULL,
    first_failed_at {big},
    concluded_at {big},
    pruned_at {big},
    topic text NOT NULL,
    partition integer NOT NULL,
    position {big} NOT NULL,
    recorded_at {big},
    key {bytes},
    value {bytes},
    headers text NOT NULL
);
CREATE INDEX command_id ON command (id);
CREATE INDEX command_customer ON command (customer, seq);
CREATE INDEX command_turn ON command (turn);
CREATE INDEX command_due ON command (partner, due_at, turn) WHERE due_at IS NOT NULL;
CREATE INDEX command_next_due ON command (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX command_open ON command (lane, turn) WHERE state IN ('accepted', 'waiting');
CREATE INDEX command_oldest_open ON command (type, received_at) WHERE state IN ('accepted', 'waiting');
CREATE INDEX command_paused ON command (seq) WHERE reason = 'paused';
CREATE INDEX command_concluded ON command (concluded_at) WHERE concluded_at IS NOT NULL;
CREATE INDEX command_detailed ON command (concluded_at) WHERE concluded_at IS NOT NULL AND pruned_at IS NULL;

CREATE TABLE step (
    uid text NOT NULL,
    name text NOT NULL,
    effect text NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL,
    intent_until {big} NOT NULL,
    earlier_until {big} NOT NULL,
    details text,
    result text,
    at {big} NOT NULL,
    PRIMARY KEY (uid, name)
);

CREATE TABLE effect (
    lane text NOT NULL,
    key text NOT NULL,
    uid text NOT NULL,
    opened_at {big} NOT NULL,
    PRIMARY KEY (lane, key)
);
CREATE INDEX effect_command ON effect (uid);

CREATE TABLE call (
    seq {serial},
    uid text NOT NULL,
    redrive integer NOT NULL,
    at {big} NOT NULL,
    step text NOT NULL,
    operation text NOT NULL,
    status text NOT NULL,
    duration_ms {big} NOT NULL,
    request_id text NOT NULL,
    correlation_id text NOT NULL,
    code text,
    request text NOT NULL,
    answered integer NOT NULL
);
CREATE INDEX call_command ON call (uid);

CREATE TABLE note (
    seq {serial},
    uid text NOT NULL,
    redrive integer NOT NULL,
    at {big} NOT NULL,
    kind text NOT NULL,
    detail text NOT NULL,
    reason text,
    until {big}
);
CREATE INDEX note_command ON note (uid);

CREATE TABLE event (
    seq {serial},
    id text NOT NULL UNIQUE,
    uid text NOT NULL,
    redrive integer NOT NULL,
    type text NOT NULL,
    lane text NOT NULL,
    key {bytes} NOT NULL,
    value {bytes} NOT NULL,
    headers text NOT NULL,
    at {big} NOT NULL,
    sent_at {big}
);
CREATE INDEX event_command ON event (uid);
CREATE INDEX event_unsent ON event (seq) WHERE sent_at IS NULL;
CREATE INDEX event_unsent_lane ON event (lane, seq) WHERE sent_at IS NULL;

CREATE TABLE dead_letter (
    seq {serial},
    lane text NOT NULL,
    uid text,
    code text NOT NULL,
    detail text NOT NULL,
    redrive integer NOT NULL,
    attempts integer NOT NULL,
    correlation_id text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    position {big} NOT NULL,
    recorded_at {big},
    digest text NOT NULL,
    key {bytes},
    value {bytes},
    original_headers text NOT NULL,
    headers text NOT NULL,
    at {big} NOT NULL,
    sent_at {big},
    state text NOT NULL DEFAULT 'open',
    pruned_at {big},
    UNIQUE (topic, partition, position, redrive, digest)
);
CREATE INDEX dead_letter_command ON dead_letter (uid);
CREATE INDEX dead_letter_open ON dead_letter (seq) WHERE state = 'open';
CREATE INDEX dead_letter_at ON dead_letter (at);
CREATE INDEX dead_letter_unsent ON dead_letter (seq) WHERE sent_at IS NULL;
CREATE INDEX dead_letter_unsent_lane ON dead_letter (lane) WHERE sent_at IS NULL;

CREATE TABLE pause (
    id text PRIMARY KEY,
    partner text,
    customer text,
    type text,
    at {big} NOT NULL,
    who text NOT NULL,
    why text NOT NULL
);

CREATE TABLE act (
    seq {serial},
    at {big} NOT NULL,
    who text NOT NULL,
    why text NOT NULL,
    verb text NOT NULL,
    uid text,
    lane text,
    details text NOT NULL,
    done_at {big},
    result text
);
CREATE INDEX act_open ON act (seq) WHERE done_at IS NULL;
CREATE INDEX act_open_lane ON act (lane) WHERE done_at IS NULL;
CREATE INDEX act_command ON act (uid);

CREATE TABLE meta (
    name text PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE plan (
    id text PRIMARY KEY,
    at {big} NOT NULL,
    who text NOT NULL,
    why text NOT NULL,
    asked text NOT NULL,
    commands {big} NOT NULL,
    calls {big} NOT NULL,
    seconds {big} NOT NULL
);

CREATE TABLE plan_item (
    plan text NOT NULL,
    number {big} NOT NULL,
    uid text,
    type text NOT NULL,
    outcome text NOT NULL,
    detail text NOT NULL,
    redrive integer NOT NULL,
    state text NOT NULL DEFAULT 'planned',
    act {big},
    result text,
    topic text,
    partition integer,
    position {big},
    recorded_at {big},
    key {bytes},
    value {bytes},
    headers text NOT NULL DEFAULT '[]',
    PRIMARY KEY (plan, number)
);
CREATE INDEX plan_item_planned ON plan_item (plan, outcome, number) WHERE state = 'planned';
CREATE INDEX plan_item_sent ON plan_item (plan, number) WHERE state = 'sent';
