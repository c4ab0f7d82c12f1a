"""The client: accounts, calls, tokens, request ceilings, circuits and the transport."""
