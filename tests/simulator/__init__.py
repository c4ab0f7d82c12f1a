"""The simulator is a tool of other tests, so it is tested itself: in process under its own clock, and over sockets."""
