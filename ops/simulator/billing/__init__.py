"""What things cost: usage, invoices and their lines as functions of a number, exact figures, and blobs."""
