"""Logs attnforge runs to Weights & Biases."""

__version__ = "0.1.0"
