"""What a conditioner promises: a draw from the Gaussian that it names, decided by torch's seed."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attnforge.testing.expect import finite, require, same
from attnforge.testing.networks import inputs_for, quiet, rows, seeded
from attnforge.testing.strategies import numbers
from attnforge.testing.subject import Subject

KIND = "conditioner"
DRAWS = 4000


def shapes(subject: Subject) -> None:
    """Value, mean and logvar are b z, with `dim` for z."""
    network = quiet(subject.build())
    for name, found in seeded(KIND, network, inputs_for(subject, network)).items():
        wanted = [3, network.dim]
        require(list(found.shape) == wanted, f"{name} of 3 sentences is {list(found.shape)}, not {wanted}")


def finite_gaussians(subject: Subject) -> None:
    """Mean, logvar and deviation are finite for quiet and loud sentences."""
    network, width = quiet(subject.build()), subject.spec().sentence
    for scale in (0.0, 1.0, 10.0):
        with torch.no_grad():
            found = seeded(KIND, network, {"sentence": scale * numbers(8, width, seed=3)})
        for name, one in {**found, "deviation": (0.5 * found["logvar"]).exp()}.items():
            finite(one, f"{name} for sentences of size {scale:g}")


def seed_decides_the_draw(subject: Subject) -> None:
    """With torch's generator at the same seed it draws the same value; mean and logvar know no seed."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        one, again, other = (seeded(KIND, network, inputs, seed=seed) for seed in (1, 1, 2))
    require(torch.equal(one["value"], again["value"]), "the same seed draws other values")
    for name in ("mean", "logvar"):
        require(torch.equal(one[name], other[name]), f"{name} depends on the seed")


def draws_from_its_gaussian(subject: Subject) -> None:
    """Values have the mean and the deviation that it names; one without noise gives the mean itself."""
    network = quiet(subject.build())
    sentence = numbers(1, subject.spec().sentence, seed=4).expand(DRAWS, -1)
    with torch.no_grad():
        drawn = seeded(KIND, network, {"sentence": sentence})
    apart = drawn["value"] - drawn["mean"]
    if not apart.any():
        return
    standard = apart / (0.5 * drawn["logvar"]).exp()
    middle, spread = standard.mean(dim=0).abs().max(), (standard.std(dim=0) - 1).abs().max()
    require(float(middle) < 0.1, f"values lie {float(middle):.2f} deviations beside the mean")
    require(float(spread) < 0.1, f"their deviation is off by {100 * float(spread):.0f} percent")


def each_sentence_alone_as_in_a_batch(subject: Subject) -> None:
    """In evaluation mode a sentence has alone the Gaussian that it has in a batch."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        together = seeded(KIND, network, inputs)
        for index in range(len(inputs["sentence"])):
            place = slice(index, index + 1)
            alone = seeded(KIND, network, rows(inputs, place))
            for name in ("mean", "logvar"):
                same(alone[name], together[name][place], f"{name} of sentence {index} alone")


def sentence_matters(subject: Subject) -> None:
    """Another sentence has another mean."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        one, two = seeded(KIND, network, inputs), seeded(KIND, network, {"sentence": -inputs["sentence"]})
    require(not torch.equal(one["mean"], two["mean"]), "the mean is the same for other sentences")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    finite_gaussians,
    seed_decides_the_draw,
    draws_from_its_gaussian,
    each_sentence_alone_as_in_a_batch,
    sentence_matters,
)
