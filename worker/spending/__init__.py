"""The parts that the handlers about usage and budgets share, below them and above `worker.handling`. Holds no handler.

| module | what it knows |
|---|---|
| `present_budget` | the budget that a customer has now |
| `usage_figures` | what a report says of Microsoft's figures: records, sums, period, model. Pure |
| `usage_delivery` | where the records of a report go: pages of events, a file, or nowhere |
"""
