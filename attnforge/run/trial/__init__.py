"""Trying what a recipe asks for before it costs hours: on shapes alone, and with one real step a phase."""
