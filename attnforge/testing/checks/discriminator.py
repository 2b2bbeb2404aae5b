"""What a discriminator promises: one judgement an image, with a sentence and without."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attnforge.testing.expect import require, same
from attnforge.testing.networks import inputs_for, quiet, rows, seeded
from attnforge.testing.subject import Subject

KIND = "discriminator"


def shapes(subject: Subject) -> None:
    """Features are b c h w; logits are one number an image, with a sentence and without."""
    network = quiet(subject.build())
    found = seeded(KIND, network, inputs_for(subject, network))
    features = list(found["features"].shape)
    require(len(features) == 4 and features[0] == 3, f"features of 3 images are {features}, not [3, c, h, w]")
    for name in ("logits", "logits with sentence"):
        require(list(found[name].shape) == [3], f"{name} of 3 images are {list(found[name].shape)}, not [3]")


def each_image_alone_as_in_a_batch(subject: Subject) -> None:
    """In evaluation mode an image is judged alone as it is in a batch."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        together = seeded(KIND, network, inputs)
        for index in range(len(inputs["images"])):
            place = slice(index, index + 1)
            for name, alone in seeded(KIND, network, rows(inputs, place)).items():
                same(alone, together[name][place], f"{name} of image {index} alone")


def sentence_matters(subject: Subject) -> None:
    """With another sentence the judgement is another one."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    other = {**inputs, "sentence": inputs["sentence"].flip(0) + 1}
    with torch.no_grad():
        one, two = seeded(KIND, network, inputs), seeded(KIND, network, other)
    changed = not torch.equal(one["logits with sentence"], two["logits with sentence"])
    require(changed, "logits with a sentence are the same for every sentence")


def image_matters(subject: Subject) -> None:
    """Another image gets another judgement, alone and with its sentence."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        one = seeded(KIND, network, inputs)
        two = seeded(KIND, network, {**inputs, "images": -inputs["images"]})
    for name in ("logits", "logits with sentence"):
        require(not torch.equal(one[name], two[name]), f"{name} are the same for other images")


def gradients_reach_the_images(subject: Subject) -> None:
    """Gradients of both judgements reach the images: the generator learns from nothing else."""
    for name in ("logits", "logits with sentence"):
        network = subject.build()
        inputs = inputs_for(subject, network)
        inputs["images"].requires_grad_()
        judged = seeded(KIND, network, inputs)[name]
        (judged * torch.arange(1, len(judged) + 1)).sum().backward()  # type: ignore[no-untyped-call]
        gradient = inputs["images"].grad
        require(
            gradient is not None and bool(gradient.any()), f"no gradient of the {name} reaches the images"
        )


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    each_image_alone_as_in_a_batch,
    sentence_matters,
    image_matters,
    gradients_reach_the_images,
)
