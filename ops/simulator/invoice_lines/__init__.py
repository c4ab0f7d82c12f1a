"""Lines of invoices as functions of a number: computed, written as text, never stored."""
