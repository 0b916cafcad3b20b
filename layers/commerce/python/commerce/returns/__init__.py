"""Returns: goods that come back, and the money for them."""
