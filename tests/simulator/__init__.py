"""Tests of the simulator, which is itself a tool of other tests: in process under its own clock, and over sockets."""
