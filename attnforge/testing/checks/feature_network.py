"""What a feature network promises: features of each image alone, and a protocol that determines them."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attnforge.testing.expect import assert_close, assert_finite, require
from attnforge.testing.networks import example_images
from attnforge.testing.subject import Subject

SIZE = 32


def outputs_have_their_shapes(subject: Subject) -> None:
    """Features are b d and finite, logits b k, for images of any size."""
    network = subject.build()
    for count, size in ((1, SIZE), (3, SIZE + 8)):
        with torch.no_grad():
            output = network(example_images(count, size, seed=1))
        shape = list(output.features.shape)
        require(shape == [count, network.dim], f"features of {count} images have shape {shape}")
        assert_finite(output.features, f"features of {count} images")
        classes = 0 if output.logits is None else output.logits.shape[1]
        require(classes == network.classes, f"there are {classes} logits, but `classes` is {network.classes}")


def batch_invariance(subject: Subject) -> None:
    """An image has the same features alone as in a batch."""
    network = subject.build().eval()
    images = example_images(3, SIZE, seed=2)
    with torch.no_grad():
        together = network(images).features
        for index in range(3):
            alone = network(images[index : index + 1]).features
            assert_close(alone, together[index : index + 1], f"features of image {index} alone")


def depends_on_image(subject: Subject) -> None:
    """Different images have different features."""
    network = subject.build().eval()
    images = example_images(2, SIZE, seed=3)
    with torch.no_grad():
        features = network(images).features
    require(not torch.equal(features[0], features[1]), "the features are the same for different images")


def weights_do_not_depend_on_the_seed(subject: Subject) -> None:
    """Two instances give the same features and the same protocol, whatever torch's seed."""
    first, second = subject.build(seed=1).eval(), subject.build(seed=2).eval()
    images = example_images(2, SIZE, seed=4)
    with torch.no_grad():
        assert_close(second(images).features, first(images).features, "features of another instance")
    require(first.protocol() == second.protocol(), "two instances have different protocols")


def protocol_is_plain(subject: Subject) -> None:
    """The protocol has texts by name, and the network has a name of its own."""
    network = subject.build()
    protocol = network.protocol()
    require(bool(protocol), "the protocol is empty")
    for name, value in protocol.items():
        require(isinstance(name, str) and isinstance(value, str), f"`{name}` of the protocol is {value!r}")
    require(bool(network.name.strip()), f"the network is called {network.name!r}")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    outputs_have_their_shapes,
    batch_invariance,
    depends_on_image,
    weights_do_not_depend_on_the_seed,
    protocol_is_plain,
)
