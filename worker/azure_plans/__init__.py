"""What the handlers of Azure plans have in common, below them and above `worker.handling`. Holds no handler.

| module | what it knows |
|---|---|
| `holdings` | which Azure plan is meant, what is under it, which Azure subscriptions |
| `hurdles` | what stands in the way of a purchase |
| `naming` | how ids are written in answers |
| `offers` | which catalog item is the Azure plan, today and there |
| `basket` | the one cart of a command, and its item |
| `purchase` | the cart checked out, once |
| `traces` | what a checked-out cart has left in orders and subscriptions |
| `delivery` | from an order to its plan |
| `leftovers` | a purchase whose outcome an earlier command did not learn |
| `standing` | suspended or active: changing it, and waiting until it shows |
| `running_upgrade` | a product upgrade that is under way |
| `upgrade_start` | which product upgrade a command follows, and starting one |
"""
