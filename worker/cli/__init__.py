"""The command line: each verb parses words, calls functions of `worker.operators`, and prints.

`main` finds the verbs, which are the modules of `verbs`: a verb is registered by being there. `commands` has the verbs
of `azplan commands`. `exit_codes` says which error ends a verb with which code. `output` prints.
"""
