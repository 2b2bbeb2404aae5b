"""Which images of a batch have the same caption, and the mean over those that count."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from attnforge.values import Prompt


def same_captions(prompt: Prompt) -> Bool[Tensor, "b b"]:
    """Whether two rows of a prompt have the same caption: the same words, or without tokens, sentence.

    Encoding the same words twice need not give the same bits.
    """
    rows = prompt.sentence if prompt.tokens is None else prompt.tokens
    return (rows[:, None] == rows[None]).all(dim=2)


def mean_of_counted(losses: Float[Tensor, "b"], counted: Bool[Tensor, "b"]) -> Float[Tensor, ""]:
    """The mean over the rows that count; 0 without any."""
    factors = counted.to(losses.dtype)
    return (losses * factors).sum() / factors.sum().clamp(min=1)
