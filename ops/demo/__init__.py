"""The demo: everything on this machine, in a minute, without Docker and without a tenant.

`show` is the programme; `stage` starts and ends what it needs: `embedded_broker`, and the simulator and a real
`azplan run` as `child` processes. `scenes` are what is sent and what must come of it, `play` sends them and follows the
events, `screen` shows it. Started by `azplan demo`. It ships with the source, not with the package.
"""
