"""The only door to Kafka: what the worker needs of a broker, and how aiokafka gives it.

`port` says what is needed and names the errors; nothing else of the worker knows a Kafka client. `source` reads the
commands topic as a member of the group, `sink` writes, `admin` looks at topics and offsets from outside the group.
Nothing in here decodes a record or knows a command.
"""
