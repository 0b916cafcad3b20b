"""Keys with which other programs call the shop: secret ones and publishable ones."""
