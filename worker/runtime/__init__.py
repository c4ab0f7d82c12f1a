"""Moves commands and knows none.

Read `dispatch` first: one turn of a command. Before it come `consumer` (from Kafka to the journal) and `scheduler`
(whose turn it is). After it come `outcome` (the judgement of a run, pure), `conclusion` (what the journal stores and
the events say) and `publisher` (from the journal to Kafka).
Beside it stand `lane_heartbeat` (the lanes of this worker), `learned_lags` (how late things show at Partner Center) and
`retention` (deletes old rows). `controls` has what persons ask of a worker, `lifecycle` its start and stop, and
`observability` its metrics, log lines, traces and readiness.
"""
