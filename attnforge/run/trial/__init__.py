"""Trials of a recipe before training: on shapes alone, and with one real step of each phase."""
