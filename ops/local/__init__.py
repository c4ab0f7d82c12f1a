"""Real parts on loopback for the benchmark and the tests: Kafka, PostgreSQL, the simulator, `azplan`."""
