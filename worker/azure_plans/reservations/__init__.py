"""The return of a customer's reservations by one command.

| module | what it knows |
|---|---|
| `refund_quotes` | which quotes can be used, and what a look at one tells |
| `looks` | the reservations at Azure Resource Manager, and what a return would give |
| `returns` | each reservation returned once, after all quotes |
| `refusals` | what follows when a reservation cannot be returned |
"""
