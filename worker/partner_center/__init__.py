"""The only door to Microsoft's services: operations, tokens, ceilings, circuits, answers.

The services are Partner Center, Azure Resource Manager, Microsoft Graph and Azure Storage (`operation.Api`).

A handler imports a module of `resources` and calls its functions with the `PartnerCenter` of its command. The modules
`arm_subscriptions` and `arm_reservations` are those of Azure Resource Manager. Their functions are called in the same
way, with the customer's id first: the token is the user's in that customer's tenant. They raise `NotPermitted`, with
the missing role in its advice, where the tenant or the role does not let the partner in. A quote
(`arm_reservations.quote`) is a read. A return (`arm_reservations.give_back`) is a money effect, and tells a `location`
if it goes on (`arm_reservations.is_under_way`).

| module | contents |
|---|---|
| `port`, `errors` | what a handler gets, and what a call raises |
| `operation`, `all_operations` | what an operation is, and the list of all operations |
| `resources` | for each resource of Partner Center: operations, models, a function for each operation |
| `client.account` | a partner account, opened once |
| `client.call` | one call from token to answer: the page to read first |
| `client.exchange`, `client.request`, `client.transport` | one request and its answer, as data and on the wire |
| `http_transport` | connections to one host, as a transport of httpx |
| `client.state_shared_by_calls` | state that all calls of an account share |
| `client.ceilings.quota`, `client.ceilings.sliding_window`, `client.circuit` | when a request may be sent |
| `client.ceilings.leases` | the slots that this process has leased under ceilings which other processes share |
| `client.token_choice` | which token a call takes |
| `client.tokens`, `client.token_requests`, `client.refresh_token` | access tokens, also in customers' tenants |
| `client.trouble_explanations`, `client.unreachable_cause` | why sign-in or connection fails, and what to do about it |
| `answers` | how answers are read, and what their errors mean. Pure |
| `paging` | collections, page by page |
| `item_stream` | collections of any size, item by item, as the bytes that were sent |
| `client.streams` | answers that are read piece by piece, and downloads |
| `client.spans` | the trace of a request |
| `recent_answers` | answers that commands of one account share for a while |
| `reject_codes` | the code with which a command is rejected, for each refusal |

Not here: what a command decides (`worker.handlers`), what is remembered (`worker.journal`), metrics (`worker.metrics`).
"""
