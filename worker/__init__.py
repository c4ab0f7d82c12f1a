"""The worker: commands in, Partner Center calls, events out.

| part | what lives there |
|---|---|
| `app`, `settings` | what ties everything together, and what it is configured by |
| `runtime` | moves commands; knows no particular one |
| `handlers` | one file a command: what it reads, decides and does |
| `handling`, `steps` | where a command meets its handler, and where a write meets the journal |
| `journal` | what we were asked, what became of it, what we said |
| `partner_center` | the only door to Partner Center |
| `broker` | the only door to Kafka |
| `cli` | one file a subcommand: parsing and printing |
| `errors`, `metrics`, `logs`, `clock` | words that all of them share |

What goes over the wire is not here but in the package `events`.
"""
