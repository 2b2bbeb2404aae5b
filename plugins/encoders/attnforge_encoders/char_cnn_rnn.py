"""The text encoder of GAN-INT-CLS and StackGAN: convolutions over characters, then a recurrent layer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from attnforge.interfaces import TextFeatures
from attnforge.ranges import CaptionLength, Width
from attnforge.specs import TextSpec


class CharCnnRnn(nn.Module):
    """Reads the characters of a caption (Reed et al., 2016, both papers); made for tokenizer `character`.

    Three convolutions of width 4, the first two followed by max pooling over 3, turn 201 characters into 18
    steps; a GRU runs over the steps, and a linear layer projects each of its outputs to the common space.
    Every caption is padded with blanks to 201 characters, as in the original, so that it does not depend on
    the others of its batch. The sentence is the mean over all steps, blank ones included.

    A step sees 48 characters and begins 9 after the one before. There is still one vector for each
    character, so that attention plots show the caption: characters share the steps evenly, each taking one
    that sees it. Words are 0 at padding; characters beyond the last step are not read and count
    as padding.

    Args:
        dim: Width of word and sentence vectors.
        channels: Widths of the three convolutions; the GRU is as wide as the last.
        steps: Steps of the GRU. Captions are read up to 39 + 9 x `steps` characters.
    """

    def __init__(
        self,
        spec: TextSpec,
        *,
        dim: Width = 1024,
        channels: tuple[Width, Width, Width] = (384, 512, 512),
        steps: CaptionLength = 18,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.steps = steps
        self.length = 39 + 9 * steps
        self.vocabulary_size = spec.vocabulary_size
        # the column of id 0 stays 0; with padding for its doubled hyphen, these are the original's 70 inputs
        self.convolutions = nn.Sequential(
            nn.Conv1d(spec.vocabulary_size, channels[0], 4),
            nn.ReLU(),
            nn.MaxPool1d(3),
            nn.Conv1d(channels[0], channels[1], 4),
            nn.ReLU(),
            nn.MaxPool1d(3),
            nn.Conv1d(channels[1], channels[2], 4),
            nn.ReLU(),
        )
        self.recurrence = nn.GRU(channels[2], channels[2], batch_first=True)
        self.projection = nn.Linear(channels[2], dim)

    def forward(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        padding = positions >= lengths.to(tokens.device).clamp(min=1, max=self.length)[:, None]
        hidden = self.convolutions(self._one_hot(tokens.masked_fill(padding, 0)))
        outputs, _ = self.recurrence(hidden.transpose(1, 2))
        vectors: Float[Tensor, "b s d"] = self.projection(outputs)
        step_of_character = (positions * self.steps // self.length).clamp(max=self.steps - 1)
        words = vectors[:, step_of_character].masked_fill(padding[:, :, None], 0.0)
        return TextFeatures(
            words=words.transpose(1, 2).contiguous(), sentence=vectors.mean(dim=1), padding=padding
        )

    def _one_hot(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b v n"]:
        """One row per known id over `length` positions; blanks are all 0."""
        filled = F.pad(tokens[:, : self.length], (0, max(0, self.length - tokens.shape[1])))
        rows = F.one_hot(filled, self.vocabulary_size).transpose(1, 2)
        rows = rows.to(self.projection.weight.dtype)
        rows[:, 0] = 0
        return rows
