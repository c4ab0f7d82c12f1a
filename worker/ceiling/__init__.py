"""What processes say to each other about a request ceiling that they share, and what each may use of it. Pure."""
