"""The parts of the commands that end in files of lines, below the handlers and above `worker.handling`.

| module | what it knows |
|---|---|
| `export_run` | one run of ExportInvoiceLines: its datasets one after another, and when the command looks again |
| `asked_invoice` | what must be known of an invoice or a currency before its lines are asked for |
| `datasets` | which datasets a command asks for |
| `decisions` | what the export of one dataset does next. Pure, with a table of tests |
| `standing` | what is durable of an export, and the settings of its waits |
| `graph_export` | an export of Microsoft Graph, from the request to the version |
| `blobs` | the blobs of such an export: downloaded, checked, stored |
| `page_export` | lines that Partner Center gives in pages |
| `line_facts` | rows, sums, attributes and dates of JSON lines, exact |
| `line_files` | files of gzip JSON lines, read as they stream |
| `line_check` | where such a file is read: in a thread, or in a process of its own |
| `version` | the manifest of a version, and how the answer names it |
| `parquet_parts` | the Parquet part of each source part, made in a child process |
| `publishing` | parts become a version, once |
| `accounts` | the comparison with the invoice, and the FOCUS dataset |
| `progress` | how far an export is, as events |
"""
