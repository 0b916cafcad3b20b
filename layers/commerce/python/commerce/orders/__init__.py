"""Orders: the record of what was decided, and the saga that decides."""
