"""Carts: what a buyer means to order, before it is an order."""
