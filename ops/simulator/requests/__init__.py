"""The way of one request to the API: admission, operation, answer."""
