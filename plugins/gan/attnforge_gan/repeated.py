"""Several generated images of each caption, for losses that compare them with one another."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.interfaces import AdversarialStep


@dataclass(frozen=True, slots=True)
class RepeatedImages:
    """Images of c captions, e of each with different noise."""

    noise: Float[Tensor, "c e n"]
    images: tuple[Float[Tensor, "c e 3 _ _"], ...]
    """At every size, smallest first; with gradients."""


def repeated_images(step: AdversarialStep, *, captions: int, each: int) -> RepeatedImages:
    """Generate images of some captions of a step, several of each.

    All are generated as one batch: batch normalisation would make images of two batches differ, whatever
    their noise is.

    Args:
        step: The step, of whose captions the first are taken.
        captions: How many captions, at most as many as the step has.
        each: Images of each caption.
    """
    count = min(captions, len(step.batch.class_ids))
    device = step.prompt.sentence.device
    rows = torch.arange(count, device=device).repeat_interleave(each)
    noise = torch.randn(count * each, step.generator.noise, device=device)
    generated = step.generator(noise, step.prompt.rows(rows)).images
    images = tuple(image.reshape(count, each, *image.shape[1:]) for image in generated)
    return RepeatedImages(noise.reshape(count, each, -1), images)
