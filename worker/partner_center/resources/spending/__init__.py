"""What Partner Center says about money that is spent: usage, budgets and invoices. Operations and their answers."""
