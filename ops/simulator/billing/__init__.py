"""What things cost: spending, invoices and their documents, exact figures, and releases of lines."""
