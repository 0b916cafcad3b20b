"""Pushcart on a laptop: start the embedded cloud, deploy to it, look inside, stop it."""
