"""Usage against budgets, as a person looks at it."""
