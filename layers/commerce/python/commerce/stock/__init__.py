"""Stock: what is available, what orders hold, and who changed it."""
