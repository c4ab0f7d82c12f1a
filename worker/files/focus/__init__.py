"""Invoice lines as FOCUS 1.2, the open specification for costs: the sum of `BilledCost` is the invoice.

| module | is |
|---|---|
| `coded_texts` | columns in which each different text stands once |
| `columns` | the columns and their types |
| `services` | which service a meter category belongs to, and the service's category |
| `regions` | the regions of Azure |
| `units` | units of measure as FOCUS writes them |
| `texts` | identifiers, tags and prices' details as FOCUS wants them |
| `usage_rows` | rows of usage lines |
| `line_rows` | rows of reconciliation lines, of rounding and of tax |
| `dataset` | the file `costs.parquet` |
| `invoice` | comparison and dataset of an invoice: the program of the child |
"""
