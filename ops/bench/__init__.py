"""Measures azplan beside a bare loop, and on real parts.

| module | what it does |
|---|---|
| `compare` | the bare loop and azplan on both journals, side by side: ratios, CPU per call, calls per command |
| `scaling` | the journal with few and with many commands: milliseconds, bytes per row |
| `full_journal` | fills a journal with copies of real commands |
| `memory` | the memory of a worker after 200 000 commands |
| `drain` | a backlog under Microsoft's ceiling, with one replica and with three, and a second account beside it |
| `backlog` | a backlog on a real Kafka and PostgreSQL: rate, memory, promises |
| `exports` | a million invoice lines exported, beside `curl` of the same blobs: bytes, time, memory |
| `conversion` | source parts to Parquet beside a plain loop, and the memory of the child |
| `invoices` | invoices with lines and exact books |
| `cases` | what is sent in each case, and which figures come of it |
| `stage` | the subjects of a comparison, started together |
| `report` | the table, and the JSON document |
| `picture` | the SVG |
| `commands` | the commands that are sent, and the calls that a worker makes for each |
| `ground` | the processes that are compared, and what they stand on |
| `watching` | looks at something again and again while it is measured |
| `figures` | percentiles, rates, ratios |
"""
