"""Figures and images of attnforge runs in Weights & Biases."""

__version__ = "0.1.0"
