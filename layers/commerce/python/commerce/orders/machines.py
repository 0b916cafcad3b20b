"""The state machines that work on an order once it is confirmed, by their names."""

from __future__ import annotations

FULFIL_ORDER = "fulfil_order"
CANCEL_LINES = "cancel_lines"
RETURN_ORDER = "return_order"
