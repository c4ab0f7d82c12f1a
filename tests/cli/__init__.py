"""The command line: exit codes, streams and formats of the output."""
