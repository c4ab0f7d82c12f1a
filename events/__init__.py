"""The contract on the wire: commands, events, and how each becomes a Kafka record and back.

Other teams build on every name in this package. A change of meaning is therefore a new version of the message, never an
edit. A new optional member of a command, or a new member of an event, is no change of meaning. The package has no
network, no database and no clock; it imports pydantic and the standard library, and nothing else of azplan.

Commands and events are classes in `events.messages`; a class is registered by being there. `events.wire.codec`
decides what becomes of a record. `worker.handlers` carries commands out.
"""
