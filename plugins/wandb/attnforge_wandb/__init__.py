"""Logs attnforge runs to Weights & Biases."""

__version__ = "0.2.0"
