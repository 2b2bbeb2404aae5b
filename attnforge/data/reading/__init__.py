"""Metadata of data sets: files, columns, archives, official releases."""
