"""The commands and events, one module for each family. A message class is its own schema."""
