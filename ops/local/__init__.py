"""Real parts on loopback for the benchmark and the tests: Kafka, PostgreSQL, object stores, the simulator, `azplan`."""
