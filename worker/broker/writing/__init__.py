"""Writing records to Kafka: bytes in flight, shared attempts, and patches of the producer."""
