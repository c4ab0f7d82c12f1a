"""The Kafka port, against a real broker."""
