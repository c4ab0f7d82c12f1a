"""The command line: parsing and printing, and nothing that another part could do.

`main` finds the verbs, which are the modules of `verbs`: one is registered by being there. `exits` has the exit codes,
`printing` the ways to print, `connections` opens what a verb works on. No verb knows Kafka, SQL or HTTP.
"""
