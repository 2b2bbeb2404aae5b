"""A folder of own images with captions as a data set."""
