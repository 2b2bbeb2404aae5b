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

    The transformer reads a start token, the caption and an end token with causal attention. The sentence is
    the projected output at the end token, which is CLIP's text embedding; word t is the projected output at
    piece t. Vectors are not normalised to length one. Words are 0 at padding. CLIP has 77 positions, so
    pieces beyond the 75th are not read and count as padding; a caption without any piece is read as a single
    end token. Needs the tokenizer `clip`.

    Args:
        weights: Folder of a CLIP as transformers writes it, or a weights file in it; never downloaded.
        frozen: Freeze the weights; otherwise a matching phase fine-tunes them.

    Raises:
        RecipeError: There are no such weights, or the tokenizer has another vocabulary.
    """

    def __init__(self, spec: TextSpec, *, weights: str, frozen: bool = True) -> None:
        super().__init__()
        from transformers import CLIPTextModelWithProjection

        folder = ClipFolder.at(weights)
        config: Any = folder.config().text_config
        tokenizer = folder.tokenizer()
        known, rows = tokenizer.get_vocab_size(), int(config.vocab_size)
        if spec.vocabulary_size != known + 1 or known > rows:
            message = (
                f"the tokenizer has {spec.vocabulary_size - 1} pieces, and {weights} was trained with "
                f"{min(known, rows)}"
            )
            expected = f"tokenizer={{use: clip, weights: {weights}}}"
            raise RecipeError(Problem("clip-vocabulary", message, expected=expected))
        self.dim: int = config.projection_dim
        self.max_pieces: int = config.max_position_embeddings - 2
        self.start, self.end = (int(tokenizer.token_to_id(token) or 0) for token in (START, END))
        self.frozen = frozen
        # the end token of old configs is wrong; it is not used here
        config.bos_token_id, config.eos_token_id = self.start, self.end
        self.network: Any = CLIPTextModelWithProjection(config)
        folder.fill(self.network)
        if frozen:
            self.network.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a frozen network stays in evaluation mode."""
        super().train(mode)
        self.network.train(mode and not self.frozen)
        return self

    def forward(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        lengths = lengths.to(tokens.device).clamp(min=1)
        padding: Bool[Tensor, "b l"] = torch.arange(tokens.shape[1], device=tokens.device) >= lengths[:, None]
        padding[:, self.max_pieces :] = True
        read = tokens[:, : self.max_pieces]
        hidden = self.network.text_model(input_ids=self._with_special_tokens(read, padding)).last_hidden_state
        vectors: Float[Tensor, "b s d"] = self.network.text_projection(hidden)
        last = (~padding).sum(dim=1) + 1
        words = vectors.new_zeros(len(tokens), tokens.shape[1], self.dim)
        words[:, : read.shape[1]] = vectors[:, 1:-1].masked_fill(padding[:, : read.shape[1], None], 0)
        return TextFeatures(
            words=words.transpose(1, 2).contiguous(),
            sentence=vectors[torch.arange(len(tokens), device=tokens.device), last],
            padding=padding,
        )

    def _with_special_tokens(
        self, tokens: Int[Tensor, "b s"], padding: Bool[Tensor, "b l"]
    ) -> Int[Tensor, "b _"]:
        """CLIP's ids with start and end tokens; attention is causal, so padding is not seen."""
        ids = (tokens - 1).masked_fill(padding[:, : tokens.shape[1]] | (tokens == 0), self.end)
        start, end = (ids.new_full((len(ids), 1), token) for token in (self.start, self.end))
        return torch.cat((start, ids, end), dim=1)
