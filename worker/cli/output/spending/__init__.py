"""Money as a person reads it: tables of usage, budgets and invoices, and bars against budgets."""
