"""Turns Microsoft's lines into typed columns, in a child process of the worker.

| module | is |
|---|---|
| `process` | the side of the worker: starts one child at a time, and understands its answer |
| `child` | what every program of a child does: job in, answer out |
| `layout` | the columns of a version: which there are, and which are text because a value does not fit |
| `exact_lines` | reads lines with Python's JSON decoder: slow, and right for everything that is JSON |
| `arrow_lines` | reads lines with Arrow: fast, and raises for everything unusual |
| `exact_columns` | the lines of `exact_lines` as Arrow's columns |
| `parquet` | writes the columns, a row group at a time |
| `totals` | sums by currency and kind of charge |
| `part` | one source part becomes one Parquet part: the program of the child |
"""
