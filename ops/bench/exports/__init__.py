"""Measures exports of invoice lines, and the report of all customers' usage.

| module | what it does |
|---|---|
| `__main__` | a million lines in 40 blobs, beside `curl` of the same blobs in the same run: bytes, time, memory |
| `download` | the same blobs by azplan's client alone, to the disk and with their hash, as a process of its own |
| `usage` | ten thousand customers in one report of usage: seconds behind Microsoft's answer, memory |
| `beside` | other commands while the worker converts lines, and without that: how long each takes |
| `measured_worker` | a worker that has answered one command before it is measured |
| `memory` | the most memory of a process and its children |
| `graph` | an export at the simulated Microsoft Graph, as a plain client asks for it |
"""
