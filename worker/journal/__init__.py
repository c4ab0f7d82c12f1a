"""The commands, their results and their events: the data that outlives every process.

Workers use `Journal`, people use `OperatorJournal`; nobody else sees SQL. `processing` has the writes of a worker,
`operating` the changes by people, `reading` the reads for people: functions over a `Transaction`, written once for both
databases. `database` runs them, in groups. Only its packages `sqlite` and `postgres` know a driver. The journal knows
no command, no Kafka and no Partner Center.
"""
