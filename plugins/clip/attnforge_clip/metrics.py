"""CLIP score and CLIP R-precision: how well images fit their captions by a CLIP that no training used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from attnforge_metrics.retrieval import CaptionPrecision, evenly_weighted
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from attnforge.evaluate.least import too_few
from attnforge.interfaces import Extractor
from attnforge.optional import Better
from attnforge.ranges import Count, Positive
from attnforge.specs import MetricSpec
from attnforge_clip.scoring import clip_encoders

SCALE = 2.5
"""The factor of the paper; others report the cosine, or 100 times it."""


class ClipScore:
    """CLIPScore (Hessel et al., 2021): the mean of 2.5 max(cos, 0) of each image and its own caption.

    The caption is read as it is, without the paper's prefix "A photo depicts". The mean cosine, which others
    report, is the value's part `cosine`. A CLIP that the generator was trained with rates it too high; a note
    says so.

    Args:
        weights: Folder of a CLIP as transformers writes it, or a weights file in it; never downloaded.

    Raises:
        RecipeError: There are no such weights.
    """

    needs_captions: ClassVar[bool] = True
    better: ClassVar[Better] = "higher"

    def __init__(self, spec: MetricSpec, *, weights: str) -> None:
        self.encoders, text = clip_encoders(spec, weights)
        self.limit = text.max_pieces
        self.name = f"CLIP score{self.encoders.suffix}"

    def extractors(self) -> dict[str, Extractor]:
        """The image vectors."""
        return self.encoders.extractors()

    def compute(
        self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]
    ) -> dict[str, float | str]:
        """The score, the mean cosine, and a note where captions are not read to their ends."""
        if reason := too_few(len(captions)):
            return {f"{self.name} withheld": reason}
        cosines = self._cosines(rows, captions)
        values: dict[str, float | str] = {
            self.name: float(SCALE * cosines.clamp(min=0).mean()),
            f"{self.name} cosine": float(cosines.mean()),
        }
        longer = sum(len(self.encoders.tokenizer.encode(caption)) > self.limit for caption in captions)
        cut = f"the ends of {longer:,} captions are not read, those beyond {self.limit} pieces"
        if notes := [text for text in (self.encoders.note(), cut if longer else "") if text]:
            values[f"{self.name} note"] = "; ".join(notes)
        return values

    def per_image(
        self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]
    ) -> dict[str, Float[Tensor, "n 2"]]:
        """The score of each image."""
        return {self.name: evenly_weighted(SCALE * self._cosines(rows, captions).clamp(min=0))}

    def _cosines(
        self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]
    ) -> Float[Tensor, "n"]:
        sentences = self.encoders.sentences(captions)
        own = sentences.vectors[sentences.ids]
        cosines: Tensor = (rows[self.encoders.row].double() * own.double()).sum(dim=1)
        return cosines


class ClipPrecision(CaptionPrecision):
    """R-precision by CLIP (Park et al., 2021): whether an image is nearer to its caption than to others.

    As `r-precision`, with a CLIP that the generator was not trained with in place of the run's encoders; a
    note says where it was.

    Args:
        weights: Folder of a CLIP as transformers writes it, or a weights file in it; never downloaded.
        candidates: Number of captions to choose from, including the image's own; chance is 1 / candidates.
        folds: Number of folds for the deviation, which is omitted if a fold would have fewer than 10 images.
        seed: Seed of the choice of mismatched captions.

    Raises:
        RecipeError: There are no such weights.
    """

    title = "CLIP R-precision"

    def __init__(
        self,
        spec: MetricSpec,
        *,
        weights: str,
        candidates: Annotated[int, Field(ge=2)] = 100,
        folds: Positive = 10,
        seed: Count = 1,
    ) -> None:
        encoders, _ = clip_encoders(spec, weights)
        super().__init__(encoders, spec.data, candidates=candidates, folds=folds, seed=seed)
