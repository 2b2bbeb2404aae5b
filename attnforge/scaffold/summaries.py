"""The summary of the component in a new plugin, one line for each kind."""

from __future__ import annotations

SUMMARIES = {
    "tokenizer": "lower-case words, and punctuation marks as separate tokens",
    "text-encoder": "a 1D convolution over word embeddings",
    "image-encoder": "a small residual network, trained from scratch",
    "conditioner": "a Gaussian around the sentence, with the same variance for every sentence",
    "attention": "word attention with a gated context",
    "stage": "upsampling, with affine modulation by condition and sentence",
    "generator": "images of one size, with affine modulation by noise and sentence",
    "discriminator": "classifies every patch of an image and averages the logits",
    "loss": "a relativistic adversarial loss",
    "sampler": "noise of one length, on a sphere",
    "scorer": "how well an image matches its sentence, less a penalty for noisy pixels",
    "dataset": "squares and discs, rendered by code",
    "feature-network": "colours and edges of image regions, without weights",
    "metric": "the diversity of the images, from their pixels",
    "tracker": "appends scalars to a CSV file",
    "task": "trains both encoders with a contrastive loss",
    "kernel": "word attention by torch's scaled dot product attention",
}
"""The line that `attnforge components` shows, by kind."""
