"""Reed's text encoder: convolutions over characters, then a recurrent layer."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import TextFeatures
from attnforge.ranges import CaptionLength, Width
from attnforge.specs import TextSpec
from attnforge_reed.recurrence import GatedRecurrence, PlainRecurrence

INITIAL_RANGE = 0.08
"""All weights start uniformly within this distance of 0."""
THRESHOLD = 1e-6
"""Activations up to this are 0, as by the official code's `Threshold`."""


class CharCnnRnn(nn.Module):
    """Reads the characters of a caption (Reed et al., 2016, both papers); made for tokenizer `character`.

    Three convolutions of width 4, the first two followed by max pooling over 3, turn 201 characters into 18
    steps; a recurrent layer runs over the steps, and a linear layer projects each of its states to the common
    space. Every caption is padded with blanks to `characters`, as in the original, so that it does not depend
    on the others of its batch.

    A step sees 48 characters and begins 9 after the one before. There is still one vector for each
    character, so that attention plots show the caption: characters share the steps evenly, each taking one
    that sees it. Words are 0 at padding; characters beyond `characters` are not read and count as padding.

    Args:
        dim: Width of word and sentence vectors.
        channels: Widths of the three convolutions; the recurrent layer is as wide as the last.
        recurrence: `gru` of the published encoders, or a plain `rnn` with rectified states.
        sentence: The `average` of the states of all steps, blank ones included, or the `last` state.
        shorter: Whether max pooling over 3 with a stride of 2 shortens the third convolution's 18 steps to 8.
        characters: How many characters of a caption are read.

    Raises:
        RecipeError: So few `characters` make no step.
    """

    def __init__(
        self,
        spec: TextSpec,
        *,
        dim: Width = 1024,
        channels: tuple[Width, Width, Width] = (384, 512, 512),
        recurrence: Literal["gru", "rnn"] = "gru",
        sentence: Literal["average", "last"] = "average",
        shorter: bool = False,
        characters: CaptionLength = 201,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.sentence = sentence
        self.characters = characters
        self.vocabulary_size = spec.vocabulary_size
        self.blank = spec.blank
        self.steps = steps_of(characters, shorter=shorter)
        if self.steps < 1:
            message = f"text encoder `char-cnn-rnn` makes no step of {characters} characters"
            expected = f"text.characters of {66 if shorter else 48} or more; 201 in the paper"
            raise RecipeError(Problem("few-characters", message, expected=expected))
        # The column of id 0 stays 0: with padding for its doubled hyphen, these are the original's 70 inputs.
        inputs = spec.vocabulary_size - (spec.blank is not None)
        self.convolutions = nn.Sequential(
            nn.Conv1d(inputs, channels[0], 4),
            nn.Threshold(THRESHOLD, 0.0),
            nn.MaxPool1d(3),
            nn.Conv1d(channels[0], channels[1], 4),
            nn.Threshold(THRESHOLD, 0.0),
            nn.MaxPool1d(3),
            nn.Conv1d(channels[1], channels[2], 4),
            nn.Threshold(THRESHOLD, 0.0),
        )
        if shorter:
            self.convolutions.append(nn.MaxPool1d(3, stride=2))
        recurrent = GatedRecurrence if recurrence == "gru" else PlainRecurrence
        self.recurrence: nn.Module = recurrent(channels[2])
        self.projection = nn.Linear(channels[2], dim)
        for weight in self.parameters():
            nn.init.uniform_(weight, -INITIAL_RANGE, INITIAL_RANGE)

    def forward(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        padding = positions >= lengths.to(tokens.device).clamp(min=1, max=self.characters)[:, None]
        hidden = self.convolutions(self._one_hot(tokens.masked_fill(padding, 0)))
        vectors: Float[Tensor, "b s d"] = self.projection(self.recurrence(hidden.transpose(1, 2)))
        step_of_character = (positions * self.steps // self.characters).clamp(max=self.steps - 1)
        words = vectors[:, step_of_character].masked_fill(padding[:, :, None], 0.0)
        return TextFeatures(
            words=words.transpose(1, 2).contiguous(),
            sentence=vectors.mean(dim=1) if self.sentence == "average" else vectors[:, -1],
            padding=padding,
        )

    def _one_hot(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b v n"]:
        """One row per known id over all characters; blanks are all 0."""
        filled = F.pad(tokens[:, : self.characters], (0, max(0, self.characters - tokens.shape[1])))
        rows = F.one_hot(filled, self.vocabulary_size).transpose(1, 2)
        if self.blank is not None:
            rows = torch.cat((rows[:, : self.blank], rows[:, self.blank + 1 :]), dim=1)
        rows = rows.to(self.projection.weight.dtype)
        rows[:, 0] = 0
        return rows


def steps_of(characters: int, *, shorter: bool) -> int:
    """Steps of the recurrent layer; at most 0 where there are too few characters."""
    steps = (((characters - 3) // 3 - 3) // 3) - 3
    return (steps - 3) // 2 + 1 if shorter else steps
