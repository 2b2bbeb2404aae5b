"""The text and image encoder by which a metric compares images with captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
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
SAME = "same-encoders"
"""Begins the note of a value whose given encoders are those that the generator was trained with."""
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
        size: Side in pixels to which images are resized; None to encode them as they are.
        training: The text and the image encoder that the generator was trained with, as far as known.
    """

    encode: Callable[[Sequence[str]], TextFeatures]
    image: ImageEncoder
    tokenizer: Tokenizer
    row: str
    suffix: str
    size: int | None = None
    training: tuple[object, object] = (None, None)

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
            size = loaded.image_size
            return cls(
                loaded.encode,
                loaded.image,
                loaded.tokenizer,
                f"image vectors of {loaded.digest}" + ("" if size is None else f" at {size} pixels"),
                f" (encoders {loaded.digest[:8]})",
                size,
                (_text_encoder(spec.encode), spec.image),
            )
        if spec.image is None or spec.encode is None or spec.tokenizer is None:
            message = (
                f"the metric `{metric}` compares captions with images by an image encoder, which is missing"
            )
            expected = "an `image` encoder in the recipe, `encoders: RUN` in the metric, or other metrics"
            raise RecipeError(Problem("no-image-encoder", message, expected=expected))
        row = "image vectors of the run's encoder"
        training = (_text_encoder(spec.encode), spec.image)
        return cls(spec.encode, spec.image, spec.tokenizer, row, "", training=training)

    def note(self) -> str:
        """What to know of values; only once training has ended is it known which encoders it used."""
        text, image = self.training
        if self.image is image:
            return TRAINED
        pairs = {"text": (_text_encoder(self.encode), text), "image": (self.image, image)}
        same = [name for name, (scoring, training) in pairs.items() if _same_weights(scoring, training)]
        notes = []
        if same:
            which = f"the {' and the '.join(same)} encoder"
            notes.append(f"{SAME}: {which} used for scoring also trained the generator")
        if self.size is not None:
            notes.append(f"images of other sizes are resized to {self.size} pixels, bicubic and antialiased")
        return "; ".join(notes)

    def extractors(self) -> dict[str, Extractor]:
        """The unit vector of each image, by the name of the rows."""
        return {self.row: lambda images, captions: self._vectors(images)}

    def _vectors(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        if isinstance(self.image, nn.Module):
            self.image.to(images.device).eval()
        return F.normalize(self.image(self._sized(images)).image.float(), dim=1)

    def _sized(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 _ _"]:
        """Images at the size that the encoder was trained on."""
        if self.size is None or images.shape[-2:] == (self.size, self.size):
            return images
        sized = F.interpolate(images, size=(self.size, self.size), mode="bicubic", antialias=True)
        return sized.clamp(-1, 1)

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


def _text_encoder(encode: object) -> object:
    """The network of an encoder of captions, where it is known."""
    return getattr(encode, "text", None)


def _same_weights(first: object, second: object) -> bool:
    """Whether two networks have all weights in common, whatever file they came from."""
    if not (isinstance(first, nn.Module) and isinstance(second, nn.Module)):
        return False
    pairs = list(zip_longest(first.parameters(), second.parameters()))
    return bool(pairs) and all(
        own is not None and other is not None and torch.equal(own.cpu(), other.cpu()) for own, other in pairs
    )
