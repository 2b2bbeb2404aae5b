"""Sentences between those of a batch, which have no images (Reed et al., ICML 2016, section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.interfaces import Prompt
from attnforge.ranges import Weight


@dataclass(frozen=True, kw_only=True)
class Interpolation:
    """The sentences that the generator also learns from, as a section of a recipe.

    Args:
        weight: Weight of an image of an interpolated sentence; that of a caption's is 1.
        where: `middle` takes the means of two sentences; `random` a point on the line through them, between
            half their distance before the first and behind the second.
    """

    weight: Weight = 1.0
    where: Literal["middle", "random"] = "middle"

    def added_to(self, prompt: Prompt) -> Prompt:
        """The prompt with further rows: row i and row i + b/2 of its b rows interpolated, for half of them.

        Their words are those of row i; the sentence is interpolated.
        """
        count = len(prompt.sentence) // 2
        first, second = prompt.sentence[:count], prompt.sentence[count : 2 * count]
        place: Float[Tensor, "h 1"] | float = 0.5
        if self.where == "random":
            place = 2 * torch.rand(count, 1, device=first.device, dtype=first.dtype) - 0.5
        return with_sentences(prompt, first + place * (second - first))


def with_sentences(prompt: Prompt, sentences: Float[Tensor, "k d"]) -> Prompt:
    """The prompt with further rows: its first k with other sentences."""
    rows = torch.arange(len(prompt.sentence), device=prompt.sentence.device)
    longer = prompt.rows(torch.cat((rows, rows[: len(sentences)])))
    return replace(longer, sentence=torch.cat((prompt.sentence, sentences)))
