"""Generating images with a trained run."""
