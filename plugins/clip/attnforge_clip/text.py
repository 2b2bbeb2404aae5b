"""CLIP's text encoder."""

from __future__ import annotations

from typing import Any, Self

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import TextFeatures
from attnforge.specs import TextSpec
from attnforge_clip.folder import END, START, ClipFolder


class ClipTextEncoder(nn.Module):
    """Words and sentence in the space that CLIP shares with images (Radford et al., 2021).

    The transformer reads a mark, the caption and another mark, each piece seeing what stands before it. The
    sentence is the projected output at the last mark, which is CLIP's text embedding; word t is the projected
    output at piece t. Vectors are as the projection gives them, not of length one. Words are 0 where there is
    padding. CLIP has 77 places, so pieces beyond the 75th are not read and count as padding; a caption
    without any piece is read as a single mark. Needs the tokenizer `clip`.

    Args:
        weights: Folder of a CLIP as transformers writes it, or a file of weights in it; never downloaded.
        frozen: Keep the weights as they are; otherwise a matching phase trains them on.

    Raises:
        RecipeError: There are no such weights, or the tokenizer's vocabulary is another one.
    """

    def __init__(self, spec: TextSpec, *, weights: str, frozen: bool = True) -> None:
        super().__init__()
        from transformers import CLIPTextModelWithProjection

        folder = ClipFolder.at(weights)
        config: Any = folder.config().text_config
        pieces = folder.tokenizer()
        known, rows = pieces.get_vocab_size(), int(config.vocab_size)
        if spec.vocabulary_size != known + 1 or known > rows:
            message = (
                f"the tokenizer has {spec.vocabulary_size - 1} pieces, and {weights} was trained with "
                f"{min(known, rows)}"
            )
            expected = f"tokenizer={{use: clip, weights: {weights}}}"
            raise RecipeError(Problem("clip-vocabulary", message, expected=expected))
        self.dim: int = config.projection_dim
        self.longest: int = config.max_position_embeddings - 2
        self.start, self.end = (int(pieces.token_to_id(mark) or 0) for mark in (START, END))
        self.frozen = frozen
        # its own idea of where a caption ends is wrong in old configs, and not used here
        config.bos_token_id, config.eos_token_id = self.start, self.end
        self.network: Any = CLIPTextModelWithProjection(config)
        folder.fill(self.network)
        if frozen:
            self.network.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a frozen network always evaluates."""
        super().train(mode)
        self.network.train(mode and not self.frozen)
        return self

    def forward(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        lengths = lengths.to(tokens.device).clamp(min=1)
        padding: Bool[Tensor, "b l"] = torch.arange(tokens.shape[1], device=tokens.device) >= lengths[:, None]
        padding[:, self.longest :] = True
        read = tokens[:, : self.longest]
        hidden = self.network.text_model(input_ids=self._marked(read, padding)).last_hidden_state
        vectors: Float[Tensor, "b s d"] = self.network.text_projection(hidden)
        last = (~padding).sum(dim=1) + 1
        words = vectors.new_zeros(len(tokens), tokens.shape[1], self.dim)
        words[:, : read.shape[1]] = vectors[:, 1:-1].masked_fill(padding[:, : read.shape[1], None], 0)
        return TextFeatures(
            words=words.transpose(1, 2).contiguous(),
            sentence=vectors[torch.arange(len(tokens), device=tokens.device), last],
            padding=padding,
        )

    def _marked(self, tokens: Int[Tensor, "b s"], padding: Bool[Tensor, "b l"]) -> Int[Tensor, "b _"]:
        """CLIP's ids between marks; what stands behind the last mark is seen by nothing before it."""
        ids = (tokens - 1).masked_fill(padding[:, : tokens.shape[1]] | (tokens == 0), self.end)
        start, end = (ids.new_full((len(ids), 1), mark) for mark in (self.start, self.end))
        return torch.cat((start, ids, end), dim=1)
