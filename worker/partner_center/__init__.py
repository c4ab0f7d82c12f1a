"""The only door to Partner Center: tokens, ceilings, circuits, requests and what the answers mean.

One module per resource holds the operations (data), the models of what we read, and a function per operation:
`customers`, `agreements`, `catalog`, `carts`, `orders`, `subscriptions`, `azure_entitlements`, `reservations`,
`upgrades`. A handler imports those and calls them with the `Center` of its command.

| module | what it knows |
|---|---|
| `operation`, `registry` | what an operation is, and all of them |
| `center`, `errors` | what a handler gets, and what a call can raise |
| `client` | an account, and one call from token to answer: the page to read first |
| `conversation` | one request and its answer: send, judge, tell |
| `lines` | what all calls of an account share |
| `request` | how a request is written, its idempotency key included |
| `transport` | one request on the wire, and the gate it passes when it leaves |
| `answers`, `classification`, `codes` | what an answer means. Pure |
| `quota`, `circuit` | when a call may be made. Pure cores in thin shells |
| `tokens`, `refresh_token` | who we are |
| `resource`, `paging`, `exact_json` | how bodies are read and written |
| `products` | which catalog items are Azure plans |

Not here: what a command decides (`worker.handlers`), what is remembered (`worker.journal`), metrics (`worker.metrics`).
"""
