"""The text and image encoder by which a metric compares images with captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Extractor, ImageEncoder, TextFeatures, Tokenizer
from attnforge.sampling.encoders import load_encoders
from attnforge.specs import MetricSpec

CAPTIONS_AT_ONCE = 256
TRAINED = "scored by the run's own encoders, which its training used; compare runs of the same encoders only"


class Sentences(NamedTuple):
    """The sentence vectors of captions; captions of the same tokens share one."""

    vectors: Float[Tensor, "k d"]
    """Unit vectors, on the CPU."""
    ids: Int[Tensor, "n"]
    """The vector of each caption."""


@dataclass(frozen=True, slots=True)
class ScoringEncoders:
    """Encoders with what values computed by them are called.

    Args:
        encode: Encodes captions.
        image: Encodes images.
        tokenizer: Reads captions.
        row: The name of the rows of image vectors.
        suffix: What is added to the names of values.
        note: What to know of values, or nothing.
    """

    encode: Callable[[Sequence[str]], TextFeatures]
    image: ImageEncoder
    tokenizer: Tokenizer
    row: str
    suffix: str
    note: str

    @classmethod
    def of(cls, spec: MetricSpec, run: str | None, *, metric: str) -> ScoringEncoders:
        """The run's own encoders, or those of another run.

        Args:
            spec: The spec of the metric.
            run: A run or checkpoint, or None for the run's own.
            metric: The metric, for messages.

        Raises:
            RecipeError: There is no image encoder.
            RunError: The other run is missing or has no encoders.
        """
        if run is not None:
            loaded = load_encoders(Path(run).expanduser())
            return cls(
                loaded.encode,
                loaded.image,
                loaded.tokenizer,
                f"image vectors of {loaded.digest}",
                f" (encoders {loaded.digest[:8]})",
                "",
            )
        if spec.image is None or spec.encode is None or spec.tokenizer is None:
            message = (
                f"the metric `{metric}` compares captions with images by an image encoder, which is missing"
            )
            expected = "an `image` encoder in the recipe, `encoders: RUN` in the metric, or other metrics"
            raise RecipeError(Problem("no-image-encoder", message, expected=expected))
        row = "image vectors of the run's encoder"
        return cls(spec.encode, spec.image, spec.tokenizer, row, "", TRAINED)

    def extractors(self) -> dict[str, Extractor]:
        """The unit vector of each image, by the name of the rows."""
        return {self.row: lambda images, captions: self._vectors(images)}

    def _vectors(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        if isinstance(self.image, nn.Module):
            self.image.to(images.device).eval()
        return F.normalize(self.image(images).image.float(), dim=1)

    @torch.no_grad()
    def sentences(self, captions: Sequence[str]) -> Sentences:
        """The sentence vectors of captions, each of which has a known word."""
        tokens = {caption: tuple(self.tokenizer.encode(caption)) for caption in dict.fromkeys(captions)}
        # captions of the same tokens share a vector, whose last bits would differ between batches
        first = {own: caption for caption, own in sorted(tokens.items(), reverse=True)}
        texts = sorted(first.values(), key=lambda caption: (len(tokens[caption]), caption))
        vectors = [
            F.normalize(self.encode(texts[start : start + CAPTIONS_AT_ONCE]).sentence.float(), dim=1).cpu()
            for start in range(0, len(texts), CAPTIONS_AT_ONCE)
        ]
        numbers = {tokens[caption]: number for number, caption in enumerate(texts)}
        return Sentences(torch.cat(vectors), torch.tensor([numbers[tokens[text]] for text in captions]))
