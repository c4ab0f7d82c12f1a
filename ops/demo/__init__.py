"""The demo: everything on this machine, in a minute, without Docker and without a tenant.

`run` runs the demo. `stage` starts and ends its parts: `embedded_broker`, and the simulator and a real `azplan run` as
processes (`child_process`). `scenes` holds the records and their expected answers. `play` sends the records and follows
the events, `screen` shows them. `azplan demo` starts the demo, which ships with the source and not with the package.
"""
