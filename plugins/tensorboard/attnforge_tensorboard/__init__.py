"""Logs attnforge runs to TensorBoard."""

__version__ = "0.2.0"
