"""The command line: exit codes, what is printed where, and in which shape."""
