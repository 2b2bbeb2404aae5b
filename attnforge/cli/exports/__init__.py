"""The commands below `attnforge export` and `attnforge import` that are attnforge's own."""
