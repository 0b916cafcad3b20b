"""Who works here, by what they show: a token of the staff's sign-in, or an API key."""
