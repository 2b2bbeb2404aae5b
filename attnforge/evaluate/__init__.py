"""Judging: captions of the test split are drawn, and metrics look at the images."""
