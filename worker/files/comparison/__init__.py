"""Compares usage lines, reconciliation lines and the invoice: every cent has a name, or is said to have none.

| module | is |
|---|---|
| `currency_units` | the smallest amounts of currencies, and Microsoft's way to round |
| `sums` | what is added up while lines pass: sums of groups, never the lines |
| `tax_rate` | the rate of a tax that only the document shows |
| `rules` | the rules: lines to invoice, usage to reconciliation, status |
| `shape` | the result as the event and the files have it |
| `job` | the comparison as a job of a child process |
| `from_sources` | the program of the child where Arrow is not installed |
"""
