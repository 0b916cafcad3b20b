"""Reconciliation: whether the provider's books and ours say the same."""
