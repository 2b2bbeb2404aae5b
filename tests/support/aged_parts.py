"""An attention and a tokenizer as they were in version 1 and as they are in version 3, which do the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from attnforge_attngan.tokenizer import WordTokenizer
from torch import Tensor, nn

from attnforge.interfaces import AttentionOutput, TextFeatures
from attnforge.specs import AttentionSpec


class AgedAttention(nn.Module):
    """Version 1: weights of words by columns, and a temperature."""

    def __init__(self, spec: AttentionSpec, *, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature
        self.project = nn.Parameter(torch.randn(spec.words, spec.channels) * 0.1)

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        return attend(features, text, self.project.mT, 1 / self.temperature)


class Attention(nn.Module):
    """Version 3: a linear layer, and a scale."""

    def __init__(self, spec: AttentionSpec, *, scale: float = 1.0, rounds: int = 1) -> None:
        super().__init__()
        self.scale, self.rounds = scale, rounds
        self.words = nn.Linear(spec.words, spec.channels, bias=False)

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        return attend(features, text, self.words.weight, self.scale)


def attend(features: Tensor, text: TextFeatures, project: Tensor, scale: float) -> AttentionOutput:
    words = project @ text.words
    scores = scale * torch.einsum("bchw,bcl->blhw", features, words)
    weights = scores.masked_fill(text.padding[:, :, None, None], float("-inf")).softmax(dim=1)
    return AttentionOutput(context=torch.einsum("blhw,bcl->bchw", weights, words), weights=weights)


class AgedTokenizer(WordTokenizer):
    """Version 1: its state has another shape."""

    def state(self) -> dict[str, Any]:
        return {"old": super().state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        super().load_state(state["old"])
