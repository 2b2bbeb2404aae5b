"""What a discriminator promises: one logit per image, with a sentence and without."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attnforge.testing.expect import assert_close, require
from attnforge.testing.networks import call_seeded, in_eval_mode, inputs_for, rows
from attnforge.testing.subject import Subject

KIND = "discriminator"


def shapes(subject: Subject) -> None:
    """Features are b c h w; logits are b, with a sentence and without."""
    network = in_eval_mode(subject.build())
    outputs = call_seeded(KIND, network, inputs_for(subject, network))
    features = list(outputs["features"].shape)
    require(
        len(features) == 4 and features[0] == 3,
        f"features of 3 images have shape {features}, expected [3, c, h, w]",
    )
    for name in ("logits", "logits with sentence"):
        shape = list(outputs[name].shape)
        require(shape == [3], f"{name} of 3 images have shape {shape}, expected [3]")


def batch_invariance(subject: Subject) -> None:
    """In evaluation mode an image gets the same logits alone as in a batch."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        together = call_seeded(KIND, network, inputs)
        for index in range(len(inputs["images"])):
            row = slice(index, index + 1)
            for name, alone in call_seeded(KIND, network, rows(inputs, row)).items():
                assert_close(alone, together[name][row], f"{name} of image {index} alone")


def depends_on_sentence(subject: Subject) -> None:
    """The logits with a sentence depend on the sentence."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    other = {**inputs, "sentence": inputs["sentence"].flip(0) + 1}
    with torch.no_grad():
        first, second = call_seeded(KIND, network, inputs), call_seeded(KIND, network, other)
    changed = not torch.equal(first["logits with sentence"], second["logits with sentence"])
    require(changed, "logits with a sentence are the same for every sentence")


def depends_on_image(subject: Subject) -> None:
    """The logits depend on the image, with a sentence and without."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        first = call_seeded(KIND, network, inputs)
        second = call_seeded(KIND, network, {**inputs, "images": -inputs["images"]})
    for name in ("logits", "logits with sentence"):
        require(not torch.equal(first[name], second[name]), f"{name} are the same for different images")


def gradients_reach_the_images(subject: Subject) -> None:
    """The logits have gradients with respect to the images, from which the generator learns."""
    for name in ("logits", "logits with sentence"):
        network = subject.build()
        inputs = inputs_for(subject, network)
        inputs["images"].requires_grad_()
        logits = call_seeded(KIND, network, inputs)[name]
        (logits * torch.arange(1, len(logits) + 1)).sum().backward()  # type: ignore[no-untyped-call]
        gradient = inputs["images"].grad
        require(
            gradient is not None and bool(gradient.any()),
            f"the gradient of the {name} with respect to the images is zero",
        )


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    batch_invariance,
    depends_on_sentence,
    depends_on_image,
    gradients_reach_the_images,
)
