"""The only door to Kafka: what the worker needs of a broker, and its implementation with aiokafka.

`port` defines the needs and the errors. No other package knows a Kafka client. `source` reads the commands topic as a
member of the group, `sink` writes records, `admin` reads topics and offsets without being a member. No module here
decodes a record or knows a command.
"""
