"""What a broker needs before a worker can start: topics and rights."""
