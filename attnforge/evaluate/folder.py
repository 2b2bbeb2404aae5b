"""Evaluates a folder of images, from any system, by a protocol."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from attnforge.build.builder import Builder, class_of
from attnforge.compute.allocation import keep_freed_memory
from attnforge.compute.device import choose_device
from attnforge.data.choosing import choose_captions
from attnforge.errors import DataError, Place, Problem, RecipeError
from attnforge.evaluate.cache import RowCache, cache_folder
from attnforge.evaluate.conditions import captions_digest, conditions_of, expected_images
from attnforge.evaluate.extracting import Extraction, shared_extractors
from attnforge.evaluate.folder_images import FolderImages
from attnforge.evaluate.measure import compute_values
from attnforge.evaluate.measuring import versions
from attnforge.evaluate.networks import Networks, Reference
from attnforge.evaluate.protocols import Protocol, ResolvedProtocol, protocol_names
from attnforge.evaluate.results import Result
from attnforge.interfaces import Dataset, Metric
from attnforge.optional import ComparesRealImages
from attnforge.specs import DataSpec, MetricSpec
from attnforge.train.progress import Reporter


def evaluate_folder(
    path: Path, protocol: ResolvedProtocol, *, device: str = "auto", reporter: Reporter
) -> Result:
    """Measure the images of a folder.

    Args:
        path: The folder: images with `metadata.jsonl`, what `attnforge sample --captions` wrote, or images
            alone, for metrics without captions.
        protocol: What is measured.
        device: Where to compute; `auto` uses a GPU if there is one.
        reporter: Where progress and warnings are reported.

    Raises:
        DataError: there are no images, or two of different sizes, or captions of other data.
        ImageError: an image cannot be read.
        RecipeError: the protocol has no metrics, or needs captions or encoders that a folder does not have.
    """
    start_time = time.monotonic()
    options = protocol.live
    if not options.evaluation.metrics:
        message = f"protocol {protocol.name} has no metrics, so there is nothing to measure"
        raise RecipeError(Problem("no-metrics", message, None, "`evaluation.metrics` with at least one"))
    images = FolderImages.read(path, device=choose_device(device))
    keep_freed_memory(images.device)
    _refuse_without_captions(options, images, path)
    data = _Data(options, images.size[0])
    if options.data is not None and any(images.captions):
        _refuse_other_captions(images, data, path, protocol=protocol.name)
    networks = Networks(
        Reference(
            None if options.data is None else data.split,
            images.device,
            image_size=data.image_size,
            batch_size=options.evaluation.batch_size,
            folder=cache_folder(),
            report=reporter.line,
        )
    )
    spec = MetricSpec(
        encode=None,
        image=None,
        tokenizer=None,
        data=None if options.data is None else data.split("test"),
        features=networks,
    )
    metrics = {name: builder(spec) for name, builder in options.evaluation.metrics.items()}
    if options.data is None:
        _refuse_without_real_images(metrics, path)
    count = len(images.captions)
    reporter.line(f"measuring {count:,} images of {path} by protocol {protocol.name}")

    def progress(done: int) -> None:
        if done < count:
            reporter.line(f"{done:,} of {count:,} images")

    cache = RowCache(cache_folder(), {"images": images.digest, "versions": versions()}, reporter.warning)
    extraction = Extraction(batch_size=options.evaluation.batch_size, cache=cache, progress=progress)
    rows = extraction.rows(images, shared_extractors(list(metrics.values())))
    measured = compute_values(metrics, rows, images.captions)
    evaluation = protocol.data()["evaluation"]
    details = {"captions": captions_digest(images.captions), **networks.details()}
    conditions = conditions_of(evaluation, count=count, size=images.size, details=details)
    unlike = expected_images(options, conditions)
    for text in unlike:
        reporter.warning(text)
    return Result(
        system=str(path),
        protocol=protocol.name,
        metrics={"images": count, **measured.metrics},
        main=measured.main,
        better=measured.better,
        conditions=conditions,
        evaluation=evaluation,
        deviations=[*options.deviations, *unlike],
        versions=versions(),
        device=str(images.device),
        seconds=round(time.monotonic() - start_time, 3),
        per_image=measured.per_image,
    )


@dataclass
class _Data:
    """The data set of a protocol, opened at the size of the images."""

    options: Protocol
    side: int

    def __post_init__(self) -> None:
        self._opened: dict[str, Dataset] = {}

    @property
    def image_size(self) -> int:
        """Side in pixels of the real images."""
        return self.options.image_size or self.side

    def split(self, name: str) -> Dataset:
        """A split of it."""
        assert self.options.data is not None  # noqa: S101  (asked for protocols with data)
        if name not in self._opened:
            self._opened[name] = self.options.data(DataSpec(split=name, image_size=self.image_size))
        return self._opened[name]


def _refuse_without_captions(options: Protocol, images: FolderImages, path: Path) -> None:
    needing = [
        name
        for name, builder in options.evaluation.metrics.items()
        if isinstance(builder, Builder) and getattr(class_of(builder), "needs_captions", False)
    ]
    if needing and not all(images.captions):
        message = f"{path} has no captions, which the metrics {', '.join(needing)} need"
        expected = 'metadata.jsonl with {"file_name": ..., "text": ...} for each image, or other metrics'
        step = f"attnforge eval {path} " + " ".join(f"evaluation.metrics.{name}=null" for name in needing)
        raise DataError(Problem("folder-without-captions", message, Place(str(path)), expected, step))


def _refuse_without_real_images(metrics: Mapping[str, Metric], path: Path) -> None:
    needing = [
        name
        for name, metric in metrics.items()
        if isinstance(metric, ComparesRealImages) and metric.needs_real_images
    ]
    if needing:
        message = (
            f"the metrics {', '.join(needing)} compare {path} with real images, and the protocol names none"
        )
        expected = "the data set that the captions are of, below `data`, or other metrics"
        step = f"attnforge eval {path} data.use=folder data.root=FOLDER_OF_REAL_IMAGES"
        raise RecipeError(Problem("no-reference", message, None, expected, step))


def _refuse_other_captions(images: FolderImages, data: _Data, path: Path, *, protocol: str) -> None:
    """Refuse captions of which most are not of the test split."""
    test = data.split("test")
    known = {caption for index in range(len(test)) for caption in test.captions(index)}
    foreign = [caption for caption in images.captions if " ".join(caption.split()) not in known]
    if len(foreign) * 2 > len(images.captions):
        message = (
            f"{len(foreign):,} of {len(images.captions):,} captions of {path} are not of the protocol's test "
            f"split, such as {foreign[0]!r}"
        )
        expected = "images of captions of the protocol's data, or KEY=VALUE below `data` for other data"
        name = protocol if protocol in protocol_names() else "NAME"
        step = f"attnforge protocols {name} --captions captions.jsonl"
        raise DataError(Problem("captions-other-data", message, Place(str(path)), expected, step))


def protocol_captions(protocol: ResolvedProtocol) -> list[str]:
    """The captions that a protocol's images show, in their order.

    Raises:
        RecipeError: the protocol has no data.
        DataError: the data is missing or malformed.
    """
    options = protocol.live
    if options.data is None:
        message = f"protocol {protocol.name} has no data, so it has no captions of its own"
        raise RecipeError(Problem("no-reference", message, None, "KEY=VALUE below `data`"))
    evaluation = options.evaluation
    test = _Data(options, 64).split("test")
    chosen = choose_captions(test, count=evaluation.captions, seed=evaluation.seed)
    return [choice.caption for choice in chosen for _ in range(evaluation.per_caption)]
