"""What the handlers about usage, budgets and invoices share, below them and above `worker.handling`. Holds no handler.

| module | what it knows |
|---|---|
| `present_budget` | the budget that a customer has now |
| `forecast` | the share of a budget at the end of the month |
| `usage_figures` | what a report says of Microsoft's figures: records, sums, period, model. Pure |
| `usage_delivery` | where the records of a report go: pages of events, a file, or nowhere |
| `invoice_facts` | what a report says about an invoice. Pure |
| `repeated_refusals` | refusals that may be a gateway's |
"""
