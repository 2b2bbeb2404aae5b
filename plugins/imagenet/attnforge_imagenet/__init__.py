"""Networks trained on ImageNet for attnforge, from weights that packages carry."""

__version__ = "0.2.0"
