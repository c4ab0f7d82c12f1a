"""What azplan says on the wire: its commands, its events, and how each becomes a Kafka record and back.

Other teams build on every name in here, so a change of meaning is a new version of the message, never an edit. A new
optional member of a command, or a new member of an event, is no change of meaning. The package decides and never does:
no network, no database, no clock; it imports pydantic and the standard library and nothing else of ours.

Commands and events live in `plans`, `upgrades` and `status`; a class there is registered by being there. What becomes
of a record is decided in `envelope`. How a command is carried out is said elsewhere (`worker.handlers`).
"""
