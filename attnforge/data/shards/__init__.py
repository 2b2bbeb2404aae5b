"""Data sets in tar files of the WebDataset format, read at random through an index of offsets."""
