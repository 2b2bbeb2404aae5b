"""Metrics, trackers and kernels that break a promise of their kind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from broken.mutant import Mutant
from torch import Tensor, nn

from attnforge.interfaces import Extractor, NetworkOutput, Situation
from attnforge.specs import MetricSpec, TrackerSpec
from attnforge.testing.examples.kernels import ExampleKernel
from attnforge.testing.examples.metrics import ExampleFeatureNetwork, ExampleMetric, ExampleTracker


class Metric(ExampleMetric):
    """The example without options."""

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec)


class ReturnsTensors(Metric):
    """Returns tensors instead of numbers."""

    def compute(self, rows: Mapping[str, Tensor], captions: Sequence[str]) -> dict[str, Any]:
        return {name: torch.tensor(value) for name, value in super().compute(rows, captions).items()}


class OneRowForAll(Metric):
    """Extracts one number for a whole batch."""

    def extractors(self) -> dict[str, Extractor]:
        return {"brightness": lambda images, captions: images.mean()[None]}


class WeighsByPosition(Metric):
    """Weighs images by their position."""

    def compute(self, rows: Mapping[str, Tensor], captions: Sequence[str]) -> dict[str, float]:
        levels = rows["brightness"].tolist()
        return {"brightness": sum(position * level for position, level in enumerate(levels))}


class RelativeToTheBatch(Metric):
    """Subtracts the mean of the batch from each row."""

    def extractors(self) -> dict[str, Extractor]:
        levels = super().extractors()["brightness"]

        def relative(images: Tensor, captions: Sequence[str]) -> Tensor:
            return levels(images, captions) - images.double().mean() + 1

        return {"brightness": relative}


class SortsInPlace(Metric):
    """Overwrites the rows of the evaluation."""

    def compute(self, rows: Mapping[str, Tensor], captions: Sequence[str]) -> dict[str, float]:
        values = super().compute(rows, captions)
        rows["brightness"].zero_()
        return values


class DividesByZero(Metric):
    """Divides by the number of images, which may be zero."""

    def compute(self, rows: Mapping[str, Tensor], captions: Sequence[str]) -> dict[str, float]:
        levels = sorted(rows["brightness"].tolist())
        return {"brightness": sum(levels) / len(levels)}


class ReadsCaptionsOnly(Metric):
    """Measures captions and ignores images."""

    def extractors(self) -> dict[str, Extractor]:
        return {"brightness": lambda images, captions: torch.tensor([float(len(text)) for text in captions])}


class TouchesTheEncoder(Metric):
    """Rounds the weights of the image encoder."""

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec)
        assert isinstance(spec.image, nn.Module)
        with torch.no_grad():
            for weight in spec.image.parameters():
                weight.round_()


class Network(ExampleFeatureNetwork):
    """The example under another name."""


class DoublesClasses(Network):
    """Has other logits than it says."""

    classes = 6


class NormalisesTheBatch(Network):
    """Subtracts the batch's mean from features."""

    def forward(self, images: Tensor) -> NetworkOutput:
        output = super().forward(images)
        return NetworkOutput(output.features - output.features.mean(dim=0), output.logits)


class IgnoresImages(Network):
    """Has the same features for all images."""

    def forward(self, images: Tensor) -> NetworkOutput:
        output = super().forward(images)
        return NetworkOutput(torch.ones_like(output.features), output.logits)


class RandomWeights(Network):
    """Starts from random weights."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = float(torch.rand(()))

    def forward(self, images: Tensor) -> NetworkOutput:
        output = super().forward(images)
        return NetworkOutput(self.scale * output.features, output.logits)


class NumbersInTheProtocol(Network):
    """Has a number in its protocol."""

    def protocol(self) -> dict[str, Any]:
        return {"weights": 1}


class Tracker(ExampleTracker):
    """The example without options."""

    def __init__(self, spec: TrackerSpec) -> None:
        super().__init__(spec)


class NeedsAScalar(Tracker):
    """Fails without scalars."""

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        super().scalars({"largest": max(values.values())}, phase=phase, step=step)


class RejectsNan(Tracker):
    """Fails for scalars that are not finite."""

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        self.stream.write(json.dumps(dict(values), allow_nan=False) + "\n")


class NeedsAnImage(Tracker):
    """Fails without images."""

    def images(self, paths: Sequence[str], *, phase: str, step: int) -> None:
        super().images([paths[0]], phase=phase, step=step)


class ClosesOnce(Tracker):
    """Fails when it is closed a second time."""

    def close(self) -> None:
        self.stream.write("the end\n")
        super().close()


class NeedsAStep(Tracker):
    """Writes its last step when it is closed, and fails if there was none."""

    last: int

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        self.last = step
        super().scalars(values, phase=phase, step=step)

    def images(self, paths: Sequence[str], *, phase: str, step: int) -> None:
        self.last = step
        super().images(paths, phase=phase, step=step)

    def close(self) -> None:
        self.stream.closed or self.stream.write(f"{self.last}\n")
        super().close()


class NeedsAFreshFolder(Tracker):
    """Cannot append to an existing file."""

    def __init__(self, spec: TrackerSpec) -> None:
        self.stream = (Path(spec.run) / "fresh.jsonl").open("x", encoding="utf-8")


class ClearsItsInput(Tracker):
    """Clears the dict of scalars."""

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        super().scalars(values, phase=phase, step=step)
        assert isinstance(values, dict)
        values.clear()


class Attends(ExampleKernel):
    """A kernel without a mistake, apart from its name."""


class RefusesWithoutAReason(ExampleKernel):
    """Refuses without a reason."""

    def refuse(self, situation: Situation) -> Any:
        return False if situation.device.type != "cpu" else super().refuse(situation)


class RefusesAll(ExampleKernel):
    """Refuses every situation."""

    def refuse(self, situation: Situation) -> str | None:
        return "it needs hardware that does not exist"


class AddsAnOffset(ExampleKernel):
    """Is off by 0.01 everywhere."""

    def run(self, *inputs: Tensor, **options: Any) -> Any:
        context, weights = super().run(*inputs, **options)
        return context + 0.01, weights


class HalfAGradient(ExampleKernel):
    """Halves the gradient of the words."""

    def run(self, *inputs: Tensor, **options: Any) -> Any:
        features, words, padding = inputs
        return super().run(features, (words + words.detach()) / 2, padding, **options)


class MasksInPlace(ExampleKernel):
    """Writes zeros to padded positions."""

    def run(self, *inputs: Tensor, **options: Any) -> Any:
        features, words, padding = inputs
        if not words.requires_grad:
            words.masked_fill_(padding[:, None], 0)
        return super().run(features, words, padding, **options)


_EVERY_ROW = {"batch_size_invariance": "the number of rows depends on the batch"}
_KERNEL = "word-attention-broken"

MUTANTS = (
    Mutant("named_metrics", "metric", ReturnsTensors),
    Mutant("one_row_each", "metric", OneRowForAll, also=_EVERY_ROW),
    Mutant("image_order_invariance", "metric", WeighsByPosition),
    Mutant("batch_size_invariance", "metric", RelativeToTheBatch),
    Mutant("compute_is_repeatable", "metric", SortsInPlace),
    Mutant("compute_without_images", "metric", DividesByZero),
    Mutant("depends_on_images", "metric", ReadsCaptionsOnly),
    Mutant("inputs_are_unchanged", "metric", TouchesTheEncoder),
    Mutant("outputs_have_their_shapes", "feature-network", DoublesClasses),
    Mutant("batch_invariance", "feature-network", NormalisesTheBatch),
    Mutant("depends_on_image", "feature-network", IgnoresImages),
    Mutant("weights_do_not_depend_on_the_seed", "feature-network", RandomWeights),
    Mutant("protocol_is_plain", "feature-network", NumbersInTheProtocol),
    Mutant("accepts_scalars", "tracker", NeedsAScalar),
    Mutant("accepts_non_finite_scalars", "tracker", RejectsNan),
    Mutant("accepts_images", "tracker", NeedsAnImage),
    Mutant("close_twice", "tracker", ClosesOnce),
    Mutant("close_without_logging", "tracker", NeedsAStep),
    Mutant("resumed_run", "tracker", NeedsAFreshFolder),
    Mutant("inputs_are_unchanged", "tracker", ClearsItsInput),
    Mutant(
        "name_begins_with_its_operation",
        "kernel",
        Attends,
        also={"runs_on_this_machine": "without an operation there are no test cases"},
    ),
    Mutant("refuses_with_a_reason", "kernel", RefusesWithoutAReason, name=_KERNEL),
    Mutant("runs_on_this_machine", "kernel", RefusesAll, name=_KERNEL),
    Mutant("matches_the_reference", "kernel", AddsAnOffset, name=_KERNEL),
    Mutant("gradients_match_the_reference", "kernel", HalfAGradient, name=_KERNEL),
    Mutant("inputs_are_unchanged", "kernel", MasksInPlace, name=_KERNEL),
)
