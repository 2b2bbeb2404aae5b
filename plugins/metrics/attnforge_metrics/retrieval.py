"""Retrieval: whether images find their captions among others, and captions their images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev
from typing import Annotated, ClassVar

import torch
from jaxtyping import Bool, Float, Shaped
from pydantic import Field
from torch import Tensor

from attnforge.evaluate.least import MIN_IMAGES, too_few
from attnforge.interfaces import Dataset, Extractor
from attnforge.optional import Better
from attnforge.ranges import Count, Positive
from attnforge.specs import MetricSpec

from .candidates import Candidates
from .encoders import ScoringEncoders

IMAGES_AT_ONCE = 1_000


class CaptionPrecision:
    """Share of images whose own caption is the nearest of several, by any encoders.

    Args:
        encoders: What encodes captions and images.
        data: The split of the mismatched captions; None to choose from those of the images.
        candidates: Number of captions to choose from, including the image's own.
        folds: Number of folds for the deviation.
        seed: Seed of the choice of mismatched captions.
    """

    needs_captions: ClassVar[bool] = True
    better: ClassVar[Better] = "higher"
    title: ClassVar[str] = "R-precision"

    def __init__(
        self, encoders: ScoringEncoders, data: Dataset | None, *, candidates: int, folds: int, seed: int
    ) -> None:
        self.encoders = encoders
        self.candidates = candidates
        self.folds = folds
        self.seed = seed
        self._data = data
        self._pool: Candidates | None = None
        self._last: tuple[Tensor, Tensor, int] | None = None

    @property
    def name(self) -> str:
        """The value's name."""
        return f"{self.title}{self.encoders.suffix}"

    def extractors(self) -> dict[str, Extractor]:
        """The image vectors."""
        return self.encoders.extractors()

    def compute(
        self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]
    ) -> dict[str, float | str]:
        """The share, its chance, and its deviation over folds."""
        name = self.name
        if reason := too_few(len(captions)):
            return {f"{name} withheld": reason}
        hits, fewest = self._hits(rows, captions)
        if fewest < 1:
            reason = "a caption has no mismatched caption of another class"
            return {f"{name} withheld": f"{reason}: the split is too small or has a single class"}
        values: dict[str, float | str] = {name: float(hits.double().mean())}
        if self.folds > 1 and len(hits) >= self.folds * MIN_IMAGES:
            order = hits.tolist()
            values[f"{name} deviation"] = pstdev(
                fmean(order[fold * len(hits) // self.folds : (fold + 1) * len(hits) // self.folds])
                for fold in range(self.folds)
            )
        values[f"{name} chance"] = 1 / (fewest + 1)
        few = f"a caption has {fewest + 1} candidates instead of {self.candidates}"
        notes = [self.encoders.note(), few if fewest + 1 < self.candidates else ""]
        if any(notes):
            values[f"{name} note"] = "; ".join(filter(None, notes))
        return values

    def per_image(
        self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]
    ) -> dict[str, Float[Tensor, "n 2"]]:
        """Whether each image finds its caption."""
        hits, fewest = self._hits(rows, captions)
        return {self.name: evenly_weighted(hits)} if fewest > 0 else {}

    def _hits(
        self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]
    ) -> tuple[Bool[Tensor, "n"], int]:
        """Whether each image finds its caption, and the fewest candidates of a caption."""
        vectors = rows[self.encoders.row]
        if self._last is not None and self._last[0] is vectors:
            return self._last[1:]
        pool = self._candidates(captions)
        chosen, fewest = pool.choose(captions, count=self.candidates - 1, seed=self.seed)
        # only what is compared is encoded
        needed = torch.unique(chosen[chosen >= 0]).tolist()
        sentences = self.encoders.sentences([*captions, *(pool.captions[number] for number in needed)])
        own, others = sentences.ids[: len(captions)], torch.full((len(pool.captions) + 1,), -1)
        others[torch.tensor(needed, dtype=torch.long)] = sentences.ids[len(captions) :]
        self._last = vectors, _hits(vectors, sentences.vectors, own, others[chosen]), fewest
        return self._last[1:]

    def _candidates(self, captions: Sequence[str]) -> Candidates:
        if self._pool is None:
            self._pool = Candidates.of(self._data, self.encoders.tokenizer)
        return self._pool.including(captions)


class RetrievalPrecision(CaptionPrecision):
    """Share of images whose own caption is the nearest of `candidates` captions (AttnGAN, section 4).

    Similarity is the cosine of image and sentence vector. The other candidates are captions of images of
    other classes, chosen by seed; a tie counts as a miss. By default the run's own encoders score, those that
    the generator was trained with: values are then comparable only within one set of encoders, and rise with
    the weight of DAMSM, which a note says. With fewer than 10 images, or captions without mismatched
    candidates, the metric is withheld with the reason.

    Args:
        candidates: Number of captions to choose from, including the image's own; chance is 1 / candidates.
        folds: Number of folds for the deviation; the paper has 10 of 3,000 images. The deviation is omitted
            if a fold would have fewer than 10 images.
        encoders: A run or checkpoint whose text and image encoder score instead, such as a DAMSM that the
            generator was not trained with.
        seed: Seed of the choice of mismatched captions.

    Raises:
        RecipeError: There is no image encoder.
    """

    def __init__(
        self,
        spec: MetricSpec,
        *,
        candidates: Annotated[int, Field(ge=2)] = 100,
        folds: Positive = 10,
        encoders: str | None = None,
        seed: Count = 1,
    ) -> None:
        scoring = ScoringEncoders.of(spec, encoders, metric="r-precision")
        super().__init__(scoring, spec.data, candidates=candidates, folds=folds, seed=seed)


class RetrievalRecall:
    """Share of images that find their caption among all captions, and of captions that find their image.

    For each number of `k`: the share of images for which fewer than k captions are nearer than their own, and
    the same for captions and images. Captions of the same image or the same words compete with nobody; ties
    count against the image. Values depend on the number of images: chance is k / images.

    Args:
        k: How many are retrieved.
        encoders: A run or checkpoint whose text and image encoder score instead of the run's own.

    Raises:
        RecipeError: There is no image encoder.
    """

    needs_captions: ClassVar[bool] = True

    better: ClassVar[Better] = "higher"

    def __init__(
        self,
        spec: MetricSpec,
        *,
        k: tuple[Positive, ...] = (1, 5, 10),
        encoders: str | None = None,
    ) -> None:
        self.encoders = ScoringEncoders.of(spec, encoders, metric="retrieval-recall")
        self.k = k

    def extractors(self) -> dict[str, Extractor]:
        """The image vectors."""
        return self.encoders.extractors()

    def compute(
        self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]
    ) -> dict[str, float | str]:
        """Shares of images that find their caption, and of captions that find their image, for each k."""
        suffix = self.encoders.suffix
        if reason := too_few(len(captions)):
            return {f"recall@{self.k[0]} of captions{suffix} withheld": reason}
        sentences = self.encoders.sentences(captions)
        ranks = recall_ranks(rows[self.encoders.row], sentences.vectors, sentences.ids)
        values: dict[str, float | str] = {}
        for what, rank in zip(("captions", "images"), ranks, strict=True):
            for k in self.k:
                values[f"recall@{k} of {what}{suffix}"] = float((rank < k).double().mean())
                values[f"recall@{k} of {what}{suffix} chance"] = min(1.0, k / len(captions))
        if note := self.encoders.note():
            values[f"recall@{self.k[0]} of captions{suffix} note"] = note
        return values


def evenly_weighted(values: Shaped[Tensor, "n"]) -> Float[Tensor, "n 2"]:
    """What each image adds to the mean over images."""
    return torch.stack((values.double(), torch.ones(len(values), dtype=torch.double)), dim=1)


def recall_ranks(
    images: Float[Tensor, "n d"], sentences: Float[Tensor, "k d"], own: Tensor
) -> tuple[Tensor, Tensor]:
    """How many captions are nearer to each image than its own, and images to each caption; 0 is the best.

    Args:
        images: Unit vectors of images.
        sentences: Unit vectors of different captions.
        own: The caption of each image, as a row of `sentences`.
    """
    to_captions, to_images = [], torch.zeros(len(images), dtype=torch.long)
    score = (images * sentences[own]).sum(dim=1)
    for start in range(0, len(images), IMAGES_AT_ONCE):
        part = slice(start, start + IMAGES_AT_ONCE)
        scores = images[part] @ sentences.T
        others = torch.ones_like(scores, dtype=torch.bool)
        others[torch.arange(len(scores)), own[part]] = False
        to_captions.append(((scores >= score[part, None]) & others).sum(dim=1))
        by_caption = images[part] @ sentences[own].T
        different = own[part, None] != own
        to_images += ((by_caption >= score) & different).sum(dim=0)
    return torch.cat(to_captions), to_images


def _hits(
    images: Float[Tensor, "n d"], sentences: Float[Tensor, "k d"], own: Tensor, others: Tensor
) -> Bool[Tensor, "n"]:
    """Whether each image is nearer to its own sentence than to all of its candidates.

    Args:
        images: Unit vectors of images.
        sentences: Unit vectors of different captions.
        own: The caption of each image, as a row of `sentences`.
        others: The candidates of each image in the same way, -1 where there is none.
    """
    hits = []
    for start in range(0, len(images), IMAGES_AT_ONCE):
        part = slice(start, start + IMAGES_AT_ONCE)
        candidates = torch.cat((own[part, None], others[part]), dim=1)
        vectors = sentences[candidates.clamp(min=0)]
        scores = torch.einsum("nd,ncd->nc", images[part], vectors)
        # the same tokens tie, however rounding differs within a product
        same = candidates[:, 1:] == candidates[:, :1]
        beaten = (scores[:, 1:] >= scores[:, :1]) & (candidates[:, 1:] >= 0)
        hits.append(~(beaten | same).any(dim=1))
    return torch.cat(hits)
