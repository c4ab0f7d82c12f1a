"""Azure Resource Manager, as far as the end of an Azure plan needs it: Azure subscriptions, reservations, refunds.

It has a host and a token audience of its own, and speaks of one customer's tenant at a time.
"""
