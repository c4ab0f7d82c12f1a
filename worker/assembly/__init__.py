"""Makes the parts of a worker from its settings: database, broker, policies, partner accounts."""
