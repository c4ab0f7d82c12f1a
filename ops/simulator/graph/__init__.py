"""The part of Microsoft Graph that exports the lines of invoices."""
