"""Sampling files of captions: in blocks, over processes, resumable."""
