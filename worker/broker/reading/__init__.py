"""Reading records from Kafka: the consumer, its assignment, and record batches within limits."""
