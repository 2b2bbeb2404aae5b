"""Which images of a batch have the same caption."""

from __future__ import annotations

from jaxtyping import Bool
from torch import Tensor

from attnforge.values import Prompt


def same_captions(prompt: Prompt) -> Bool[Tensor, "b b"]:
    """Whether two rows of a prompt have the same caption: the same words, or without tokens, sentence.

    Encoding the same words twice need not give the same bits.
    """
    rows = prompt.sentence if prompt.tokens is None else prompt.tokens
    return (rows[:, None] == rows[None]).all(dim=2)
