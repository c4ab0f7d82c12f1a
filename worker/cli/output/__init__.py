"""Everything that the command line prints. `terminal` is the only module that writes to a stream."""
