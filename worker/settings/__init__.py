"""Everything that can be configured, and the parts of a worker made from it."""
