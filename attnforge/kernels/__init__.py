"""Word attention and region matching: one folder an operation."""
