"""What an answer of Partner Center means. Pure."""
