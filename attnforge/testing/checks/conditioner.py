"""What a conditioner promises: a sample from the Gaussian that it returns, decided by torch's seed."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attnforge.testing.expect import assert_close, assert_finite, require
from attnforge.testing.networks import call_seeded, in_eval_mode, inputs_for, perturbed, rows
from attnforge.testing.numbers import numbers
from attnforge.testing.subject import Subject

KIND = "conditioner"
SAMPLES = 4000


def shapes(subject: Subject) -> None:
    """Value, mean and logvar have the shape b z, where z is the conditioner's `dim`."""
    network = in_eval_mode(subject.build())
    for name, output in call_seeded(KIND, network, inputs_for(subject, network)).items():
        expected = [3, network.dim]
        shape = list(output.shape)
        require(shape == expected, f"{name} of 3 sentences has shape {shape}, expected {expected}")


def finite_gaussians(subject: Subject) -> None:
    """Mean, logvar and standard deviation are finite for small and large sentence vectors."""
    network, width = in_eval_mode(subject.build()), subject.spec().sentence
    for scale in (0.0, 1.0, 10.0):
        with torch.no_grad():
            outputs = call_seeded(KIND, network, {"sentence": scale * numbers(8, width, seed=3)})
        for name, output in {**outputs, "standard deviation": (0.5 * outputs["logvar"]).exp()}.items():
            assert_finite(output, f"{name} for sentence vectors of scale {scale:g}")


def sampling_is_seeded(subject: Subject) -> None:
    """The same seed of torch's generator gives the same sample; mean and logvar do not depend on the seed."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        first, again, other = (call_seeded(KIND, network, inputs, seed=seed) for seed in (1, 1, 2))
    require(torch.equal(first["value"], again["value"]), "two samples with the same seed differ")
    for name in ("mean", "logvar"):
        require(torch.equal(first[name], other[name]), f"{name} depends on the seed")


def samples_match_the_gaussian(subject: Subject) -> None:
    """Samples have the returned mean and standard deviation; without noise they equal the mean."""
    network = in_eval_mode(subject.build())
    sentence = numbers(1, subject.spec().sentence, seed=4).expand(SAMPLES, -1)
    with torch.no_grad():
        outputs = call_seeded(KIND, network, {"sentence": sentence})
    deviations = outputs["value"] - outputs["mean"]
    if not deviations.any():
        return
    standardized = deviations / (0.5 * outputs["logvar"]).exp()
    bias = float(standardized.mean(dim=0).abs().max())
    excess = float((standardized.std(dim=0) - 1).abs().max())
    require(bias < 0.1, f"the mean of the samples is off by {bias:.2f} standard deviations")
    require(excess < 0.1, f"the standard deviation of the samples is off by {100 * excess:.0f} percent")


def batch_invariance(subject: Subject) -> None:
    """In evaluation mode a sentence has the same Gaussian alone as in a batch."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        together = call_seeded(KIND, network, inputs)
        for index in range(len(inputs["sentence"])):
            row = slice(index, index + 1)
            alone = call_seeded(KIND, network, rows(inputs, row))
            for name in ("mean", "logvar"):
                assert_close(alone[name], together[name][row], f"{name} of sentence {index} alone")


def depends_on_sentence(subject: Subject) -> None:
    """Different sentences have different means, once weights have changed."""
    network = in_eval_mode(perturbed(subject.build()))
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        first = call_seeded(KIND, network, inputs)
        second = call_seeded(KIND, network, {"sentence": -inputs["sentence"]})
    require(not torch.equal(first["mean"], second["mean"]), "the mean is the same for different sentences")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    finite_gaussians,
    sampling_is_seeded,
    samples_match_the_gaussian,
    batch_invariance,
    depends_on_sentence,
)
