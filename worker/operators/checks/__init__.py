"""The checks of `azplan check`: what works, what does not, and who has to do what about it. Nothing is changed.

| module | contents |
|---|---|
| `worker_needs` | everything that a worker needs: settings, broker, topics, rights, journal, partner accounts |
| `destination` | a file at the destination of files: created, read, deleted |
| `partner_calls` | a harmless call of a partner account with each kind of token |
| `customer_commands` | which commands work for one customer |
| `azure_access` | whether the account can act for one customer at Azure Resource Manager |
| `command_trial` | a command that a handler only validates, without Kafka and without a journal |
| `trial_verdict` | what the outcome of a trial says about rights and consents. Pure |
| `findings` | what a check found |
"""
