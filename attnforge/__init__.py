"""attnforge composes, trains, samples and evaluates text-to-image GANs with word-level attention."""

__version__ = "0.1.0"
