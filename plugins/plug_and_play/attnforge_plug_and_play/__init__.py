"""Plug-and-play generative networks: a search among a generator's codes for images that score higher."""
