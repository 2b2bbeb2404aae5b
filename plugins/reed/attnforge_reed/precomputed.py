"""A text encoder that looks its sentence vectors up in a file."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from attnforge.data.embeddings import read_embeddings
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import TextFeatures
from attnforge.specs import TextSpec


class PrecomputedText(nn.Module):
    """Embeddings that `attnforge embed` wrote, or that were exported elsewhere; for tokenizer `caption`.

    A caption is one word, and the sentence is its vector. Nothing is trained. The vectors stay in the file,
    which sampling reads, too; checkpoints hold only its digest.

    Args:
        file: The file, the same as that of the tokenizer.

    Raises:
        DataError: The file is missing or malformed.
        RecipeError: It has another number of captions than the tokenizer.
    """

    table: Float[Tensor, "n d"]

    def __init__(self, spec: TextSpec, *, file: str) -> None:
        super().__init__()
        with torch.device("cpu"):  # on the meta device a copy has the shape alone
            vectors = read_embeddings(Path(file))
        if len(vectors) != spec.vocabulary_size - 1:
            message = (
                f"{file} has embeddings of {len(vectors):,} captions, and the tokenizer knows "
                f"{spec.vocabulary_size - 1:,}"
            )
            expected = f"tokenizer={{use: caption, file: {file}}}"
            raise RecipeError(Problem("embeddings-differ", message, expected=expected))
        self.dim = vectors.shape[1]
        self.register_buffer("table", torch.cat((vectors.new_zeros(1, self.dim), vectors)), persistent=False)

    def forward(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        padding = positions >= lengths.to(tokens.device).clamp(min=1)[:, None]
        words = F.embedding(tokens, self.table).masked_fill(padding[:, :, None], 0.0)
        counts = (~padding).sum(dim=1, keepdim=True)
        return TextFeatures(
            words=words.transpose(1, 2).contiguous(),
            sentence=words.sum(dim=1) / counts,
            padding=padding,
        )
