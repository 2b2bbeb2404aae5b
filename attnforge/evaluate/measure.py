"""Evaluates a generator on captions that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jaxtyping import Float, Shaped
from torch import Tensor

from attnforge.build.parts import Parts
from attnforge.data.choosing import ChosenCaption, choose_captions
from attnforge.data.encoding import CaptionEncoder, UnknownWords
from attnforge.data.extras import extras_of
from attnforge.errors import DataError, Problem
from attnforge.evaluate.cache import RowCache, cache_folder
from attnforge.evaluate.conditions import captions_digest
from attnforge.evaluate.extracting import Extraction, shared_extractors
from attnforge.evaluate.headlines import headlines
from attnforge.evaluate.networks import Networks, Reference
from attnforge.interfaces import Dataset, Metric
from attnforge.optional import Ranks, ScoresImages
from attnforge.specs import MetricSpec


@dataclass(frozen=True, slots=True)
class MeasuredValues:
    """The values of a recipe's metrics."""

    metrics: dict[str, float | int | str]
    """By name, with the number of captions and the seed; empty for a recipe without metrics."""
    main: dict[str, str]
    """The name of the value by which each metric compares generators, by the metric's name in the recipe.

    A metric that is withheld has none.
    """
    better: dict[str, str] = field(default_factory=dict)
    """Whether `higher` or `lower` values are better, by the metric's name; nothing where it does not say."""
    per_image: dict[str, Float[Tensor, "n 2"]] = field(default_factory=dict)
    """What each image adds to values that are means, by their names, in the order of the captions' texts."""
    details: dict[str, Any] = field(default_factory=dict)
    """What the values depend on besides the recipe: digests of captions, networks and real images."""


Extras = Mapping[str, Float[Tensor, "b *shape"]]
"""What the images of a batch are to show besides their captions, by name."""
Generate = Callable[[Sequence[str], Sequence[int], Extras], Float[Tensor, "b 3 h w"]]
"""Gets captions, the position of each among all captions, and the extras of the images that they belong to;
returns an image in [-1, 1] for each, with noise determined by the seed and the position."""


@dataclass(frozen=True, slots=True)
class GeneratedImages:
    """The images that a generator generates for chosen captions, as an `ImageSource`."""

    chosen: Sequence[ChosenCaption]
    data: Dataset
    generate: Generate

    @property
    def captions(self) -> Sequence[str]:
        """The caption of each image."""
        return [choice.caption for choice in self.chosen]

    def images(self, numbers: Sequence[int]) -> Float[Tensor, "b 3 h w"]:
        """Generate the images of some numbers."""
        batch = [self.chosen[number] for number in numbers]
        extras = extras_of(self.data, [choice.image for choice in batch])
        return self.generate([choice.caption for choice in batch], numbers, extras)


def measure(
    metrics: Metrics,
    generate: Generate,
    *,
    weights: str | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> MeasuredValues:
    """Generate images for captions of the test split and return the values of the recipe's metrics.

    `evaluation.seed` determines the captions and the noise; one caption is taken from each image of the split
    before a second from any. Images are rounded to 8 bits, as in files. No value depends on
    `evaluation.batch_size`, nor on the number of processes.

    Args:
        metrics: The recipe's metrics.
        generate: Generates images. It encodes captions with `parts.measuring_tokenizer`, as the metrics do.
        weights: A digest of everything that determines the images; with it, rows are kept on disk, and an
            evaluation that was stopped continues where it was.
        progress: Called with the number of images that are done.

    Raises:
        DataError: no caption of the test split has a known word.
    """
    parts = metrics.parts
    options = parts.recipe.evaluation
    if not options.metrics:
        return MeasuredValues({}, {})
    data = parts.dataset("test")
    chosen = choose_captions(data, count=options.captions, seed=options.seed, tokenizer=parts.tokenizer)
    if not chosen:
        message = "no caption of the test split has a known word, so there is nothing to measure"
        raise DataError(Problem("captions-empty", message, expected="captions of the words of the run"))
    chosen = [choice for choice in chosen for _ in range(options.per_caption)]
    source = GeneratedImages(chosen, data, generate)
    captions = source.captions
    details: dict[str, Any] = {"captions": captions_digest(captions)}
    cache = RowCache(cache_folder() if weights else None, {"images": weights, **details})
    extraction = Extraction(batch_size=options.batch_size, cache=cache, progress=progress)
    rows = extraction.rows(source, shared_extractors(list(metrics.built.values())))
    own: dict[str, Any] = {"captions": len(chosen), "evaluation seed": options.seed}
    computed = compute_values(metrics.built, rows, captions)
    return replace(
        computed,
        metrics={**own, **computed.metrics},
        details={**details, "images": len(captions), **metrics.details()},
    )


def compute_values(
    metrics: Mapping[str, Metric], rows: Mapping[str, Shaped[Tensor, "n *row"]], captions: Sequence[str]
) -> MeasuredValues:
    """The values of all metrics.

    Args:
        metrics: The metrics by their names in the recipe.
        rows: What their extractors gave, by name.
        captions: The caption of each image.
    """
    measured = MeasuredValues({}, {})
    order = sorted(range(len(captions)), key=lambda number: captions[number])
    for name, metric in metrics.items():
        own = {row: rows[row] for row in metric.extractors()}
        computed = metric.compute(own, captions)
        measured.metrics.update(computed)
        if names := headlines(computed):
            measured.main[name] = names[0]
        if isinstance(metric, Ranks):
            measured.better[name] = metric.better
        if isinstance(metric, ScoresImages) and len(captions):
            for key, values in metric.per_image(own, captions).items():
                if key in computed:
                    measured.per_image[key] = values[order]
    return measured


class Metrics:
    """The recipe's metrics on the test split; a run builds them before training, to fail early.

    They are kept for all measurements of a run, and with them the features of the real images.

    Args:
        parts: The encoders, the tokenizer and the data.
        report: Called with lines about work that takes long.

    Raises:
        DataError: the test split is missing or malformed.
        RecipeError: a metric cannot be built.
    """

    def __init__(self, parts: Parts, *, report: Callable[[str], None] = lambda text: None) -> None:
        self.parts = parts
        builders = parts.recipe.evaluation.metrics
        self.built: dict[str, Metric] = {}
        if not builders:
            return
        data = parts.dataset("test")
        tokenizer = parts.measuring_tokenizer
        self.networks = Networks(
            Reference(
                parts.dataset,
                parts.device,
                image_size=parts.image_size,
                batch_size=parts.recipe.evaluation.batch_size,
                folder=cache_folder(),
                report=report,
            )
        )
        spec = MetricSpec(
            encode=CaptionEncoder(parts.text, tokenizer, parts.device),
            image=parts.image,
            tokenizer=tokenizer,
            data=data,
            features=self.networks,
        )
        self.built = {name: builder(spec) for name, builder in builders.items()}

    def details(self) -> dict[str, Any]:
        """What the values depend on besides the recipe, once they are computed."""
        return self.networks.details() if self.built else {}


def unknown_evaluation_words(parts: Parts) -> UnknownWords:
    """Words of the evaluation's captions that the vocabulary lacks."""
    options = parts.recipe.evaluation
    data = parts.dataset("test")
    chosen = choose_captions(data, count=options.captions, seed=options.seed, tokenizer=parts.tokenizer)
    return UnknownWords.of(parts.tokenizer, (choice.caption for choice in chosen))
