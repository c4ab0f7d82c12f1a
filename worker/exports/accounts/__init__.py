"""What follows when the lines of an invoice are published: does it add up, and what did it cost?

| module | is |
|---|---|
| `costs` | the comparison and the FOCUS dataset of one command |
| `invoice_document` | what the document of an invoice says, and which invoices were before it |
"""
