"""How a message becomes a Kafka record and back: CloudEvents 1.0, JSON, identities, dead letters."""
