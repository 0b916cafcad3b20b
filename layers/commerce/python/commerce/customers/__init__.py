"""Customers: people with an account, their addresses and their sessions."""
