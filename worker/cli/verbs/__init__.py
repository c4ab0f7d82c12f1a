"""One module a verb, or a group of verbs. Each has `register(app)`, which adds it to the program."""
