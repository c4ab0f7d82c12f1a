"""Buying: products, the rules of a purchase, and the progress of orders and upgrades over time."""
