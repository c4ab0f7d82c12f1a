"""The worker: commands in, Partner Center calls, events out.

| part | what lives there |
|---|---|
| `app` | joins all parts |
| `settings`, `assembly` | what can be configured, and the parts that are made from it |
| `runtime` | moves commands; knows no particular one |
| `handlers` | one file a command: its reads, decisions and writes |
| `azure_plans`, `customers`, `exports`, `spending` | what handlers share |
| `handling`, `steps`, `step_view` | join a command to its handler, and a write to the journal |
| `files`, `datasets` | the files that commands end in and their destination; what a command does with datasets |
| `gate` | whether a request may leave |
| `journal` | the commands, their results and their events |
| `partner_center` | the only door to Partner Center |
| `broker` | the only door to Kafka |
| `operators` | everything that a person can do |
| `cli` | one file a verb: parsing and printing |
| `http` | the health pages |
| `errors`, `metrics`, `logs`, `clock` | words that all parts share |

The messages on the wire are in the package `events`.
"""
