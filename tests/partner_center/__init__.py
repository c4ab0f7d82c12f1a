"""The Partner Center client: what it sends, how it reads, and what it makes of trouble."""
