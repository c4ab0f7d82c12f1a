"""One module per Partner Center resource: pure handlers from a call to an answer, and the table that names them.

Nothing here sleeps, reads a socket or looks at a real clock: faults, delays and oddities are added around it.
"""
