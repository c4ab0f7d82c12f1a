"""What we were asked, what became of it, what we said: the truth that outlives every process.

`records` are its words, `journal` its verbs; `intake`, `lanes`, `claims`, `work` and `outbox` hold the statements
behind them, written once for both databases. A person asks through `acts`, `brake`, `letters` and `retention`, and
reads in `timeline` and `counts`, whose shapes are `views`. `writer` commits in groups. `sqlite` and `postgres` are the
only places that know a database driver. Nothing here knows a command, Kafka or Partner Center.
"""
