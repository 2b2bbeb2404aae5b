"""Shared by data sets: batches, metadata, images, archives and pickles."""
