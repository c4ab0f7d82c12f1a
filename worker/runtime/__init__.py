"""Moves commands and knows none.

`dispatch` is the page to read first: one command, from its turn to its end. Before it: `consumer` (Kafka to the
journal) and `lanes` (whose turn it is). After it: `outcome` (what became of a run, pure), `conclusion` (what is written
down and said) and `publisher` (the journal to Kafka). Around it: `ownership` (which lanes are ours) and `health`.
"""
