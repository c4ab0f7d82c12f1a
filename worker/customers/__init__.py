"""The parts that the handlers about a whole customer share, below them and above `worker.handling`. Holds no handler.

| module | what it knows |
|---|---|
| `agreement` | whether the customer accepted the Microsoft Customer Agreement, and how |
| `report_parts` | the parts of a report about a customer, and the parts that Partner Center does not show |
"""
