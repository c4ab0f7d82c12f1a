"""The only door to Kafka: what the worker needs of a broker, and its implementation with aiokafka.

| module | contents |
|---|---|
| `port`, `topics`, `rights` | what the worker needs, as protocols and data, and the errors |
| `source`, `first_offsets` | the commands topic, read as a member of the group |
| `sink` | records written, acknowledged by all in-sync replicas |
| `admin`, `rights_check` | topics, offsets, records and rights, without being a member of the group |
| `kafka_clients`, `tls` | how every Kafka client connects and closes |
| `reading`, `writing` | parts of the consumer and of the producer |

No other package knows aiokafka. No module here decodes a record or knows a command.
"""
