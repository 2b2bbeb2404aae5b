"""From a data set to batches: loading, collating, sampling positions."""
