"""Subword and character tokenizers, and further text encoders."""
