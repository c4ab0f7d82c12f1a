"""The worker: commands in, Partner Center calls, events out.

| part | what lives there |
|---|---|
| `app`, `settings` | join all parts, and configure them |
| `runtime` | moves commands; knows no particular one |
| `handlers` | one file a command: its reads, decisions and writes |
| `handling`, `steps` | join a command to its handler, and a write to the journal |
| `journal` | the commands, their results and their events |
| `partner_center` | the only door to Partner Center |
| `broker` | the only door to Kafka |
| `cli` | one file a subcommand: parsing and printing |
| `errors`, `metrics`, `logs`, `clock` | words that all parts share |

The messages on the wire are in the package `events`.
"""
