"""A folder of your own images with captions as a data set."""
