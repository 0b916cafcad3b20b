"""The shop's versioned configuration: currencies, tax, fulfillment and stock locations."""
