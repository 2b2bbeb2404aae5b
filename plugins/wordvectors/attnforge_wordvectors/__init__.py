"""Text encoders that start from pretrained word and sentence vectors, which packages carry."""

__version__ = "0.2.0"
