"""Word attention and region matching: one folder per operation."""
