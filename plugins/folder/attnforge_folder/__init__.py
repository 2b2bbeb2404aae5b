"""A folder of own pictures with captions as a data set."""
