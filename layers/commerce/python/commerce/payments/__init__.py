"""Payments: our record of each, and the providers that move the money."""
