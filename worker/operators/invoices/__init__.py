"""Invoices as a person sees them: whether they add up.

| module | is |
|---|---|
| `comparisons` | the comparison of an invoice, read from the files |
| `bridge` | the way from usage to invoice, step by step |
| `bridge_picture` | this way as an SVG |
| `svg` | the page of each picture, of usage too |
"""
