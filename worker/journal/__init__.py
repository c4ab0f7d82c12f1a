"""What azplan was asked, what became of it, and what azplan said: the data that outlives every process.

Workers use `Journal`, people use `OperatorJournal`; nobody else sees SQL. `processing` holds what a worker writes,
`operating` what people change, `reading` what people read: functions over a `Transaction`, written once for both
databases. `database` runs them, in groups. Only its `sqlite` and `postgres` modules know a driver. The journal knows no
command, no Kafka and no Partner Center.
"""
