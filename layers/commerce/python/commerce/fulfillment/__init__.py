"""Fulfillment: from a confirmed order to goods at the buyer's door, or not sent after all."""
