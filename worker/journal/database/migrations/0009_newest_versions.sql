-- Gauges ask for the newest versions of all datasets every few seconds.

CREATE INDEX dataset_version_by_instant ON dataset_version (published_at);
