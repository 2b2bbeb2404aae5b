"""Metrics of generated images: distances between sets of features, retrieval, diversity, leakage."""
