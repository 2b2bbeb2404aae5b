"""What data sets share: samples to batches, metadata, pictures, archives, pickles."""
