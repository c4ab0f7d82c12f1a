"""Moves commands and knows none.

Read `dispatch` first: one turn of a command. Before it come `consumer` (from Kafka to the journal) and `lanes` (the
scheduler). After it come `outcome` (the judgement of a run, pure), `conclusion` (what the journal stores and the events
say) and `publisher` (from the journal to Kafka). Beside it stand `ownership` (the lanes of this worker), `requests`,
`pauses` and `probe_requests` (what persons ask for), and `service`, which starts and stops all of them.
"""
