"""E-mails to buyers: what happened to their order, told once in their language."""
