"""The files that commands end in: datasets, their versions, and the destination that holds them.

| part | what lives there |
|---|---|
| `layout` | the paths of datasets, versions and parts, and which names a path may have |
| `manifest` | the manifest of a version: its members and its canonical bytes |
| `store` | the port: what is needed of a destination |
| `folder` | a folder as the destination |
| `object_store` | an object store as the destination: the only door to obstore |
| `opening` | the store that a URL names |
| `errors` | a destination that does not answer, and one that refuses |
| `destination` | staging, publishing and reading versions at a destination |
| `catalog` | which datasets, versions and single files are at the destination, and which of them are too many |
| `verification` | every byte of a version against its manifest, of a single file against the hash in its name |
| `scratch` | folders for files under way |
| `amounts` | the amounts of lines, and how a number is read |
| `lines` | the attributes of invoice lines: names, second names, types |
| `conversion` | lines become typed columns, in a child process |
| `daily_costs` | what usage lines cost by day |
| `comparison` | usage, reconciliation and invoice: do they add up? |
| `focus` | lines as FOCUS 1.2 |
"""
