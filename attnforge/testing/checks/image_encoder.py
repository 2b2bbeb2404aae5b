"""What an image encoder promises: regions and one vector for images in [-1, 1], each on its own."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attnforge.testing.expect import finite, require, same
from attnforge.testing.networks import example_images, inputs_for, quiet, rows, seeded
from attnforge.testing.subject import Subject

KIND = "image-encoder"


def shapes(subject: Subject) -> None:
    """Regions are b d h w and image vectors b d, with the spec's `dim` for d."""
    spec, network = subject.spec(), quiet(subject.build())
    found = seeded(KIND, network, inputs_for(subject, network))
    regions, image = list(found["regions"].shape), list(found["image"].shape)
    right = len(regions) == 4 and regions[:2] == [3, spec.dim]
    require(right, f"regions of 3 images are {regions}, not [3, {spec.dim}, h, w]")
    require(image == [3, spec.dim], f"image vectors of 3 images are {image}, not [3, {spec.dim}]")


def several_sizes(subject: Subject) -> None:
    """It reads images of other sizes than its spec says it will usually see."""
    spec, network = subject.spec(), quiet(subject.build())
    for size in (spec.image_size, 2 * spec.image_size):
        with torch.no_grad():
            found = seeded(KIND, network, {"images": example_images(2, size, seed=1)})
        for name, one in found.items():
            finite(one, f"{name} of images of {size} pixels")


def plain_images(subject: Subject) -> None:
    """Images that are all black, grey or white give finite vectors and gradients."""
    network = subject.build()
    spec = subject.spec()
    levels = torch.tensor([-1.0, 0.0, 1.0]).reshape(3, 1, 1, 1)
    images = levels.expand(3, 3, spec.image_size, spec.image_size).clone().requires_grad_()
    found = seeded(KIND, quiet(network), {"images": images})
    for name, one in found.items():
        finite(one, f"{name} of plain images")
    torch.stack([one.square().sum() for one in found.values()]).sum().backward()  # type: ignore[no-untyped-call]
    if images.grad is not None:
        finite(images.grad, "the gradient of plain images")


def each_image_alone_as_in_a_batch(subject: Subject) -> None:
    """In evaluation mode an image gives alone what it gives in a batch."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        together = seeded(KIND, network, inputs)
        for index in range(len(inputs["images"])):
            place = slice(index, index + 1)
            for name, alone in seeded(KIND, network, rows(inputs, place)).items():
                same(alone, together[name][place], f"{name} of image {index} alone")


def image_matters(subject: Subject) -> None:
    """Another image gives other regions and another image vector."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        one, two = seeded(KIND, network, inputs), seeded(KIND, network, {"images": -inputs["images"]})
    for name, found in one.items():
        require(not torch.equal(found, two[name]), f"{name} of other images are the same")


def gradients_reach_the_images(subject: Subject) -> None:
    """Gradients of regions and of image vectors reach the images: losses judge drawn images so."""
    for name in ("regions", "image"):
        network = quiet(subject.build())
        inputs = inputs_for(subject, network)
        inputs["images"].requires_grad_()
        seeded(KIND, network, inputs)[name].square().sum().backward()  # type: ignore[no-untyped-call]
        gradient = inputs["images"].grad
        require(gradient is not None and bool(gradient.any()), f"no gradient of {name} reaches the images")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    several_sizes,
    plain_images,
    each_image_alone_as_in_a_batch,
    image_matters,
    gradients_reach_the_images,
)
