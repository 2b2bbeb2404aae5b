"""CLIP as the encoders of metrics that compare images with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from attnforge_metrics.encoders import ScoringEncoders
from torch.nn.utils.rnn import pad_sequence

from attnforge.interfaces import TextFeatures
from attnforge.specs import MetricSpec, TextSpec
from attnforge_clip.features import ClipFeatures
from attnforge_clip.text import ClipTextEncoder
from attnforge_clip.tokenizer import ClipTokenizer


@dataclass(frozen=True, slots=True)
class ClipCaptions:
    """Encodes captions by CLIP, in evaluation mode and without gradients."""

    text: ClipTextEncoder
    tokenizer: ClipTokenizer
    device: torch.device

    @torch.no_grad()
    def __call__(self, captions: Sequence[str]) -> TextFeatures:
        encoded = [torch.tensor(self.tokenizer.encode(caption) or [0]) for caption in captions]
        lengths = torch.tensor([len(ids) for ids in encoded])
        tokens = pad_sequence(encoded, batch_first=True)
        features: TextFeatures = self.text(tokens.to(self.device), lengths.to(self.device))
        return features


def clip_encoders(spec: MetricSpec, weights: str) -> tuple[ScoringEncoders, ClipTextEncoder]:
    """The encoders of a CLIP on disk, and its text encoder; images are encoded once for all metrics of it.

    Args:
        spec: The spec of the metric.
        weights: Folder of a CLIP as transformers writes it, or a weights file in it.

    Raises:
        RecipeError: there are no such weights.
    """
    shared = spec.features(partial(ClipFeatures, weights=weights))
    network = shared.network
    assert isinstance(network, ClipFeatures)  # noqa: S101  (built above)
    tokenizer = ClipTokenizer(weights=weights)
    text = ClipTextEncoder(TextSpec(vocabulary_size=tokenizer.vocabulary_size), weights=weights)
    usual = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = getattr(spec.encode, "device", usual)
    encoders = ScoringEncoders(
        ClipCaptions(text.to(device).eval(), tokenizer, device),
        network.encoder,
        tokenizer,
        shared.features_row,
        f" ({shared.label})",
        training=(getattr(spec.encode, "text", None), spec.image),
    )
    return encoders, text
