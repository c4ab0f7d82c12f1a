"""What the worker writes while commands are processed."""
