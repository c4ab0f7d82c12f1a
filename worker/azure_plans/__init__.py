"""The parts that the handlers of Azure plans share, below them and above `worker.handling`. Holds no handler.

| module | what it knows |
|---|---|
| `lookup` | which Azure plan a command means, and the Azure subscriptions under it |
| `purchase_checks` | the refusals of a purchase that are known before anything is written |
| `catalog_item` | which catalog item is the Azure plan, today and in a country |
| `cart` | the one cart of a command, and the item in it |
| `purchase` | the cart checked out, once |
| `order` | the order of a cart: found, and followed to its plan |
| `purchase_of_earlier_command` | a purchase of an earlier command whose outcome is not known |
| `reservations` | the return of reservations: quotes, looks, requests, refusals |
| `status_change` | a plan suspended or made active, and the wait until that shows |
| `azure_subscription_change` | an Azure subscription cancelled or brought back, through one of two services |
| `azure_subscription_restart` | the Azure subscriptions under an active plan, brought back |
| `upgrade` | the product upgrade that a command follows or starts, and whether one runs |
"""
