"""What the shop sells: products, their variants, categories and imports."""
