"""What a person can do, as functions and values, for the command line and for a page alike."""
