"""Commands sent by a person: composed from words, written to Kafka, and followed to their answers."""
