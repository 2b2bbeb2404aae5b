"""CLIP (Radford et al., 2021) for attnforge, from weights on disk."""

__version__ = "0.2.0"
