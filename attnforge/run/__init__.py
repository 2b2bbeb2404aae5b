"""Runs on disk: training, resuming, generating, measuring, reporting."""
