"""What an image encoder promises: region vectors and an image vector for each image in [-1, 1]."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attnforge.testing.expect import assert_close, assert_finite, require
from attnforge.testing.networks import call_seeded, example_images, in_eval_mode, inputs_for, rows
from attnforge.testing.subject import Subject

KIND = "image-encoder"


def shapes(subject: Subject) -> None:
    """Regions are b d h w and image vectors b d, where d is the spec's `dim`."""
    spec, network = subject.spec(), in_eval_mode(subject.build())
    outputs = call_seeded(KIND, network, inputs_for(subject, network))
    regions, image = list(outputs["regions"].shape), list(outputs["image"].shape)
    valid = len(regions) == 4 and regions[:2] == [3, spec.dim]
    require(valid, f"regions of 3 images have shape {regions}, expected [3, {spec.dim}, h, w]")
    require(image == [3, spec.dim], f"image vectors of 3 images have shape {image}, expected [3, {spec.dim}]")


def other_image_sizes(subject: Subject) -> None:
    """It also encodes images of other sizes than the spec's `image_size`."""
    spec, network = subject.spec(), in_eval_mode(subject.build())
    for size in (spec.image_size, 2 * spec.image_size):
        with torch.no_grad():
            outputs = call_seeded(KIND, network, {"images": example_images(2, size, seed=1)})
        for name, output in outputs.items():
            assert_finite(output, f"{name} of images of {size} pixels")


def constant_images(subject: Subject) -> None:
    """Uniformly black, grey or white images have finite vectors and gradients."""
    network = subject.build()
    spec = subject.spec()
    levels = torch.tensor([-1.0, 0.0, 1.0]).reshape(3, 1, 1, 1)
    images = levels.expand(3, 3, spec.image_size, spec.image_size).clone().requires_grad_()
    outputs = call_seeded(KIND, in_eval_mode(network), {"images": images})
    for name, output in outputs.items():
        assert_finite(output, f"{name} of constant images")
    torch.stack([output.square().sum() for output in outputs.values()]).sum().backward()  # type: ignore[no-untyped-call]
    if images.grad is not None:
        assert_finite(images.grad, "gradient with respect to constant images")


def batch_invariance(subject: Subject) -> None:
    """In evaluation mode an image has the same features alone as in a batch."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        together = call_seeded(KIND, network, inputs)
        for index in range(len(inputs["images"])):
            row = slice(index, index + 1)
            for name, alone in call_seeded(KIND, network, rows(inputs, row)).items():
                assert_close(alone, together[name][row], f"{name} of image {index} alone")


def depends_on_image(subject: Subject) -> None:
    """Regions and image vectors depend on the image."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        first = call_seeded(KIND, network, inputs)
        second = call_seeded(KIND, network, {"images": -inputs["images"]})
    for name, output in first.items():
        require(not torch.equal(output, second[name]), f"{name} is the same for different images")


def gradients_reach_the_images(subject: Subject) -> None:
    """Regions and image vectors have gradients with respect to the images, which losses need."""
    for name in ("regions", "image"):
        network = in_eval_mode(subject.build())
        inputs = inputs_for(subject, network)
        inputs["images"].requires_grad_()
        call_seeded(KIND, network, inputs)[name].square().sum().backward()  # type: ignore[no-untyped-call]
        gradient = inputs["images"].grad
        require(
            gradient is not None and bool(gradient.any()),
            f"the gradient of {name} with respect to the images is zero",
        )


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    other_image_sizes,
    constant_images,
    batch_invariance,
    depends_on_image,
    gradients_reach_the_images,
)
