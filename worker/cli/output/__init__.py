"""Everything that the command line prints. `console` is the only module that writes to a stream."""
