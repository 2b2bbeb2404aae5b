"""What data sets share: samples to batches, metadata, images, archives, pickles."""
