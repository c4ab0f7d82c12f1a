-- Datasets whose versions are files at a destination. `dataset.holder`: the command that works on the dataset; it counts while
-- that command is open. `dataset_version`: one row for each content of a dataset, made before anything of the version is written
-- to the destination; `manifest` holds the bytes of its manifest until the version stands. `export`: what a command has asked
-- Microsoft for, to go on after a crash; never with a signed address. `export_part`: files that are durable at the destination.
-- `crossing`: a customer passed a threshold of the budget in a period; the insert decides who says so.

CREATE TABLE dataset (
    path text PRIMARY KEY,
    partner text NOT NULL,
    holder text,
    held_at {big} NOT NULL DEFAULT 0
);

CREATE TABLE dataset_version (
    dataset text NOT NULL,
    content_sha256 text NOT NULL,
    version text NOT NULL,
    state text NOT NULL,
    export text NOT NULL,
    manifest text,
    manifest_sha256 text NOT NULL,
    supersedes text,
    published_at {big} NOT NULL,
    PRIMARY KEY (dataset, content_sha256)
);

CREATE TABLE export (
    id text PRIMARY KEY,
    uid text NOT NULL,
    dataset text NOT NULL,
    way text NOT NULL,
    stage text NOT NULL,
    location text,
    operation_id text,
    etag text,
    manifest text,
    operations integer NOT NULL DEFAULT 0,
    source_changed integer NOT NULL DEFAULT 0,
    details text,
    begun_at {big} NOT NULL,
    changed_at {big} NOT NULL,
    UNIQUE (uid, dataset)
);

CREATE TABLE export_part (
    export text NOT NULL,
    path text NOT NULL,
    uid text NOT NULL,
    format text NOT NULL,
    ordinal integer,
    name text,
    row_count {big} NOT NULL,
    byte_count {big} NOT NULL,
    sha256 text NOT NULL,
    staged text NOT NULL,
    details text,
    claimed_by text,
    at {big} NOT NULL,
    PRIMARY KEY (export, path)
);
CREATE INDEX export_part_of_command ON export_part (uid);

CREATE TABLE crossing (
    partner text NOT NULL,
    customer text NOT NULL,
    period text NOT NULL,
    kind text NOT NULL,
    threshold text NOT NULL,
    percent_used text,
    at {big} NOT NULL,
    PRIMARY KEY (partner, customer, period, kind, threshold)
);
