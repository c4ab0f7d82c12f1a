"""What we were asked, what became of it, what we said: the truth that outlives every process.

`records` are its words, `journal` its verbs; `intake`, `lanes`, `work`, `outbox` and `timeline` hold the statements behind
them, written once for both databases. `writer` commits them in groups. `sqlite` and `postgres` are the only places that
know a database driver. Nothing here knows a command, Kafka or Partner Center.
"""
