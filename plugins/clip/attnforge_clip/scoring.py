"""CLIP as the encoders of metrics that compare images with captions."""

from __future__ import annotations

from functools import partial

from attnforge_metrics.encoders import ScoringEncoders

from attnforge.compute.device import choose_device
from attnforge.data.encoding import CaptionEncoder
from attnforge.specs import MetricSpec, TextSpec
from attnforge_clip.features import ClipFeatures
from attnforge_clip.text import ClipTextEncoder
from attnforge_clip.tokenizer import ClipTokenizer


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
    own = spec.encode
    device = own.device if isinstance(own, CaptionEncoder) else choose_device("auto")
    encoders = ScoringEncoders(
        CaptionEncoder(text.to(device), tokenizer, device),
        network.encoder,
        tokenizer,
        shared.features_row,
        f" ({shared.label})",
        training=(own.text if isinstance(own, CaptionEncoder) else None, spec.image),
    )
    return encoders, text
