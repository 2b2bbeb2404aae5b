"""Metrics, trackers and kernels that break what their kinds promise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from broken.mutant import Mutant
from torch import Tensor, nn

from attnforge.interfaces import Situation
from attnforge.specs import MetricSpec, TrackerSpec
from attnforge.testing.examples.kernels import ExampleKernel
from attnforge.testing.examples.metrics import ExampleMetric, ExampleTracker


class GivesTensors(ExampleMetric):
    """Gives figures that are no plain numbers."""

    def compute(self) -> dict[str, Any]:
        return {name: torch.tensor(value) for name, value in super().compute().items()}


class CountsPlaces(ExampleMetric):
    """Weighs images by the order in which they come."""

    def compute(self) -> dict[str, float]:
        return {"brightness": sum(place * level for place, level in enumerate(self.levels))}


class MeanOfMeans(ExampleMetric):
    """Takes the mean over batches, however many images each has."""

    def update(self, images: Tensor, captions: Sequence[str]) -> None:
        self.levels.append(float(images.double().mean()))

    def compute(self) -> dict[str, float]:
        return {"brightness": sum(self.levels) / max(1, len(self.levels))}


class EmptiesItself(ExampleMetric):
    """Forgets all images when it has computed."""

    def compute(self) -> dict[str, float]:
        found = super().compute()
        self.levels.clear()
        return found


class DividesByNothing(ExampleMetric):
    """Divides by the number of images, which may be none."""

    def compute(self) -> dict[str, float]:
        return {"brightness": sum(sorted(self.levels)) / len(self.levels)}


class ReadsCaptionsOnly(ExampleMetric):
    """Measures captions and never looks."""

    def update(self, images: Tensor, captions: Sequence[str]) -> None:
        self.levels += [float(len(caption)) for caption in captions]


class TouchesTheEncoder(ExampleMetric):
    """Rounds the weights of the image encoder that it is handed."""

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec)
        assert isinstance(spec.image, nn.Module)
        with torch.no_grad():
            for weight in spec.image.parameters():
                weight.round_()


class Tracker(ExampleTracker):
    """The example without options."""

    def __init__(self, spec: TrackerSpec) -> None:
        super().__init__(spec)


class NeedsAScalar(Tracker):
    """Fails where there is nothing to tell."""

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        super().scalars({"largest": max(values.values())}, phase=phase, step=step)


class StrictNumbers(Tracker):
    """Fails where a number is none."""

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        self.stream.write(json.dumps(dict(values), allow_nan=False) + "\n")


class NeedsAImage(Tracker):
    """Fails where there is no image."""

    def images(self, paths: Sequence[str], *, phase: str, step: int) -> None:
        super().images([paths[0]], phase=phase, step=step)


class ClosesOnce(Tracker):
    """Fails when it is closed again."""

    def close(self) -> None:
        self.stream.write("the end\n")
        super().close()


class NeedsAStep(Tracker):
    """Writes its last step when it is closed, though there may have been none."""

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
    """Cannot go on with a file that is there."""

    def __init__(self, spec: TrackerSpec) -> None:
        self.stream = (Path(spec.run) / "fresh.jsonl").open("x", encoding="utf-8")


class TakesForItself(Tracker):
    """Empties the values that it is told."""

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        super().scalars(values, phase=phase, step=step)
        assert isinstance(values, dict)
        values.clear()


class Attends(ExampleKernel):
    """A kernel with nothing wrong: its name is."""


class ShrugsItOff(ExampleKernel):
    """Refuses without a reason."""

    def refuse(self, situation: Situation) -> Any:
        return False if situation.device.type != "cpu" else super().refuse(situation)


class RefusesAll(ExampleKernel):
    """Runs nowhere."""

    def refuse(self, situation: Situation) -> str | None:
        return "it runs on processors of next year"


class AddsALittle(ExampleKernel):
    """Is off by a hundredth everywhere."""

    def run(self, *inputs: Tensor, **options: Any) -> Any:
        context, weights = super().run(*inputs, **options)
        return context + 0.01, weights


class HalfAGradient(ExampleKernel):
    """Gives words half of their gradient."""

    def run(self, *inputs: Tensor, **options: Any) -> Any:
        features, words, padding = inputs
        return super().run(features, (words + words.detach()) / 2, padding, **options)


class HidesWordsInPlace(ExampleKernel):
    """Writes zeros into the slots of padding."""

    def run(self, *inputs: Tensor, **options: Any) -> Any:
        features, words, padding = inputs
        if not words.requires_grad:
            words.masked_fill_(padding[:, None], 0)
        return super().run(features, words, padding, **options)


_KERNEL = "word-attention-broken"

MUTANTS = (
    Mutant("named_metrics", "metric", GivesTensors),
    Mutant("order_of_images", "metric", CountsPlaces),
    Mutant("batches_do_not_matter", "metric", MeanOfMeans),
    Mutant("computing_twice", "metric", EmptiesItself),
    Mutant("without_images", "metric", DividesByNothing),
    Mutant("images_matter", "metric", ReadsCaptionsOnly),
    Mutant("networks_stay", "metric", TouchesTheEncoder),
    Mutant("takes_scalars", "tracker", NeedsAScalar),
    Mutant("takes_odd_numbers", "tracker", StrictNumbers),
    Mutant("takes_images", "tracker", NeedsAImage),
    Mutant("closing_twice", "tracker", ClosesOnce),
    Mutant("closing_at_once", "tracker", NeedsAStep),
    Mutant("resumed_runs", "tracker", NeedsAFreshFolder),
    Mutant("inputs_stay", "tracker", TakesForItself),
    Mutant(
        "name_of_an_operation",
        "kernel",
        Attends,
        also={"runs_somewhere": "without an operation there is nothing to run"},
    ),
    Mutant("refuses_with_a_reason", "kernel", ShrugsItOff, name=_KERNEL),
    Mutant("runs_somewhere", "kernel", RefusesAll, name=_KERNEL),
    Mutant("as_the_reference", "kernel", AddsALittle, name=_KERNEL),
    Mutant("gradients_as_the_reference", "kernel", HalfAGradient, name=_KERNEL),
    Mutant("inputs_stay", "kernel", HidesWordsInPlace, name=_KERNEL),
)
