"""What tests are built on: a real broker, a real database, a real process, virtual time, a broker in memory."""
