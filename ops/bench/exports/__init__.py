"""Measures exports of invoice lines.

| module | what it does |
|---|---|
| `__main__` | a million lines in 40 blobs, beside `curl` of the same blobs in the same run: bytes, time, memory |
| `graph` | an export at the simulated Microsoft Graph, as a plain client asks for it |
"""
