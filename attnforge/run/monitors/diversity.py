"""Vanishing diversity: all images of a caption look the same, whatever the noise (mode collapse)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import nn

from attnforge.run.monitors.symptom import Symptom
from attnforge.sampling.generating import generate_each, sampler_of
from attnforge.sampling.samples import FixedSamples
from attnforge.train.loop import StepResult

CAPTIONS, IMAGES = 2, 4
"""How many of the fixed captions are looked at, and images of each."""
LEAST_DEVIATION = 1.0
"""In grey levels of 255: less cannot be seen."""
WARM_UP_STEPS = 200
"""An untrained generator may ignore its noise for this long."""
SAMPLED_STEPS = 2
"""How many times in a row make a symptom."""


class DiversityMonitor:
    """Compares images of the same caption with different noise, whenever samples are generated.

    Args:
        samples: The fixed captions.
        generator: The network that generates images.
        every: Steps between two looks.
    """

    def __init__(self, samples: FixedSamples, generator: nn.Module, *, every: int) -> None:
        self._samples = samples
        self._generator = generator
        self._every = every
        self._uniform = 0
        self._was_diverse = False

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> Symptom | None:
        if result.step % self._every:
            return None
        deviation = self.deviation()
        self._was_diverse |= deviation >= LEAST_DEVIATION
        if not self._was_diverse and result.step < WARM_UP_STEPS:
            return None
        self._uniform = self._uniform + 1 if deviation < LEAST_DEVIATION else 0
        if self._uniform < SAMPLED_STEPS:
            return None
        return Symptom(
            "vanishing-diversity",
            f"all images of a caption look the same: with different noise, pixels of {IMAGES} images deviate "
            f"by {deviation:.2g} of 255 grey levels on average",
            "an earlier checkpoint, a smaller weight of the losses that match captions, or a discriminator "
            "with an unconditional term",
        )

    def deviation(self) -> float:
        """Mean deviation of pixels between images of a caption, in grey levels; the largest of captions."""
        samples = self._samples
        captions = samples.captions[:CAPTIONS]
        generated = generate_each(
            samples.parts.text,
            sampler_of(samples.parts, self._generator),
            samples.parts.tokenizer,
            captions,
            count=IMAGES,
            seed=samples.parts.recipe.samples.seed,
            extras={name: rows[: len(captions)] for name, rows in samples.extras.items()},
            device=samples.parts.device,
        )
        pixels = np.stack([image.images[-1] for image in generated]).astype(np.float64)
        deviations = pixels.reshape(len(captions), IMAGES, -1).std(axis=1).mean(axis=1)
        return float(deviations.max())
