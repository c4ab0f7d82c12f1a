"""Answers that are read as they come: whatever may be larger than a megabyte.

| module | contents |
|---|---|
| `open_reply` | the body of an answer, piece by piece, with its time-out and its compression |
| `open_answer` | an open answer as a handler sees it: it raises only errors of a call, and is reported when it ends |
| `storage` | the hosts that files are downloaded from, and the connections to them |
"""
