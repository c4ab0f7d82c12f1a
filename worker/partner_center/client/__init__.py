"""The client: accounts, calls, tokens, ceilings, circuits and the transport."""
