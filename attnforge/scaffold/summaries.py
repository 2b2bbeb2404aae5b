"""What the component of a new plugin does, in one line for each kind."""

from __future__ import annotations

SUMMARIES = {
    "tokenizer": "lower-cased words, and punctuation as tokens of its own",
    "text-encoder": "a convolution over words",
    "image-encoder": "a small residual network, trained from nothing",
    "conditioner": "a Gaussian around the sentence, as wide for every sentence",
    "attention": "word attention whose findings pass a gate",
    "stage": "twice the size, scaled and shifted by condition and sentence",
    "generator": "one image of one size, scaled and shifted by the sentence",
    "discriminator": "judges every patch of an image and takes the mean",
    "loss": "drawn images should look more real than real ones, and the other way round",
    "dataset": "squares and discs drawn by code",
    "metric": "how much the images differ from one another",
    "tracker": "writes figures into a table of comma-separated values",
    "task": "trains both encoders to tell a batch's captions apart",
    "kernel": "word attention by torch's own attention of queries and keys",
}
"""One line for `attnforge components`, by kind."""
