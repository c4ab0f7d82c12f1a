"""Everything that can be configured, and the parts of a worker that are made from it."""
