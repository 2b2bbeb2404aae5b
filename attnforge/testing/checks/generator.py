"""What a generator promises: images of the declared sizes in [-1, 1], drawn from noise and text."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attnforge.testing.checks.stage import with_other_mates
from attnforge.testing.expect import require, same
from attnforge.testing.networks import Tensors, features_of, inputs_for, quiet, seeded
from attnforge.testing.subject import Subject

KIND = "generator"


def sizes(subject: Subject) -> None:
    """`image_sizes` says the sides of the images that it gives, smallest first."""
    network = quiet(subject.build())
    declared = tuple(network.image_sizes)
    require(declared == tuple(sorted(set(declared))), f"image_sizes are {declared}: not smallest first")
    drawn = _images(seeded(KIND, network, inputs_for(subject, network)))
    shapes = [list(one.shape) for one in drawn.values()]
    wanted = [[3, 3, size, size] for size in declared]
    require(shapes == wanted, f"3 images of the sizes {declared} have the shapes {shapes}")


def images_in_range(subject: Subject) -> None:
    """Images lie in [-1, 1], in both modes and for loud noise and text."""
    for mode in ("training", "evaluation"):
        network = subject.build().train(mode == "training")
        inputs = inputs_for(subject, network)
        for scale in (1, 20):
            loud = {name: scale * one if one.is_floating_point() else one for name, one in inputs.items()}
            for name, image in _images(seeded(KIND, network, loud)).items():
                most = float(image.detach().abs().max())
                require(most <= 1, f"{name} in {mode} mode reaches {most:g}")


def noise_matters(subject: Subject) -> None:
    """Other noise draws other images, at every size."""
    _matters(subject, "noise")


def text_matters(subject: Subject) -> None:
    """Another caption draws other images, at every size."""
    _matters(subject, "words", "sentence")


def attention_on_demand(subject: Subject) -> None:
    """Attention maps b l h w are given when asked for and never otherwise, which changes no image."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        asked = seeded(KIND, network, inputs)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            plain = network(inputs["noise"], features_of(inputs))
    require(len(plain.attention) == 0, "it gives attention maps that nobody asked for")
    for index, image in enumerate(plain.images):
        same(image, asked[f"image {index}"], f"image {index} without attention maps")
    words = inputs["words"].shape[2]
    for name, maps in asked.items():
        if name.startswith("attention"):
            shape = list(maps.shape)
            require(len(shape) == 4 and shape[:2] == [3, words], f"{name} is {shape}, not [3, {words}, h, w]")


def condition(subject: Subject) -> None:
    """A condition that is given comes with its Gaussian: value, mean and logvar of one shape, b z."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        drawn = network(inputs["noise"], features_of(inputs)).condition
    if drawn is None:
        return
    found = [list(one.shape) for one in (drawn.value, drawn.mean, drawn.logvar)]
    alike = found[0] == found[1] == found[2]
    require(
        alike and len(found[0]) == 2 and found[0][0] == 3, f"value, mean and logvar have the shapes {found}"
    )


def batch_mates_have_no_influence(subject: Subject) -> None:
    """In evaluation mode an image does not depend on the others of its batch."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        before = seeded(KIND, network, inputs)
        after = seeded(KIND, network, with_other_mates(inputs, inputs_for(subject, network, seed=50)))
    for name, found in after.items():
        same(found[:1], before[name][:1], f"{name} of the first image, with other batch mates")


def _matters(subject: Subject, *names: str) -> None:
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    other = {**inputs, **{name: inputs[name].flip(0) + 0.5 for name in names}}
    with torch.no_grad():
        one, two = _images(seeded(KIND, network, inputs)), _images(seeded(KIND, network, other))
    for name, image in one.items():
        require(not torch.equal(image, two[name]), f"{name} is the same whatever the {' and '.join(names)}")


def _images(found: Tensors) -> Tensors:
    return {name: one for name, one in found.items() if name.startswith("image")}


CHECKS: tuple[Callable[[Subject], None], ...] = (
    sizes,
    images_in_range,
    noise_matters,
    text_matters,
    attention_on_demand,
    condition,
    batch_mates_have_no_influence,
)
