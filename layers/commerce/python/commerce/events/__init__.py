"""What happened in the shop, told once to whoever wants to know."""
