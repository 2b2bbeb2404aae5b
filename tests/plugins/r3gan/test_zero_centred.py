"""What the gradient penalties measure, from gradients that are known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from attnforge_r3gan.zero_centred import (
    Method,
    Penalised,
    ZeroCentredPenalty,
    estimated_slopes,
    squared_slopes,
)
from r3gan_steps import Linear, spec, step
from torch import Tensor, nn

from attnforge.errors import RecipeError
from attnforge.interfaces import AdversarialStep, Progress, Prompt
from attnforge.optional import Varies

GAMMA = 6.0


def linear_step(*, number: int = 0, patches: int = 1, sizes: tuple[int, ...] = (4,)) -> AdversarialStep:
    """Discriminators whose gradient is the same at every image."""
    torch.manual_seed(0)
    return step(
        real=tuple(torch.randn(3, 3, size, size) for size in sizes),
        fake=tuple(torch.randn(3, 3, size, size).requires_grad_() for size in sizes),
        discriminators=tuple(Linear(3, size, size, patches=patches) for size in sizes),
        prompt=Prompt(torch.zeros(3, 5, 1), torch.randn(3, 5), torch.zeros(3, 1, dtype=torch.bool)),
        number=number,
    )


def norm(known: AdversarialStep, index: int = 0) -> float:
    """The squared norm of the gradient of the mean logit without a caption; with one, four times that."""
    network = known.discriminators[index]
    assert isinstance(network, Linear)
    return network.map.mean(dim=0).square().sum().item()


def test_r1_and_r2_are_half_gamma_times_the_squared_gradient() -> None:
    known = linear_step()
    terms = ZeroCentredPenalty(spec(4), weight=GAMMA, unconditional=False).discriminator(known)
    expected = pytest.approx(GAMMA / 2 * 4 * norm(known), rel=1e-5)
    assert {name: term.item() for name, term in terms.items()} == {"R1 4": expected, "R2 4": expected}


def test_the_penalty_is_the_mean_over_logits_with_and_without_captions() -> None:
    known = linear_step()
    (term,) = ZeroCentredPenalty(spec(4), at="real", weight=GAMMA).discriminator(known).values()
    assert term.item() == pytest.approx(GAMMA / 2 * (4 + 1) / 2 * norm(known), rel=1e-5)


def test_of_several_patches_the_gradient_of_the_mean_is_penalised() -> None:
    known = linear_step(patches=5)
    (term,) = ZeroCentredPenalty(spec(4), at="real", unconditional=False).discriminator(known).values()
    assert term.item() == pytest.approx(1 / 2 * 4 * norm(known), rel=1e-5)


@pytest.mark.parametrize(
    ("at", "names"),
    [("real", ["R1 4", "R1 8"]), ("generated", ["R2 4", "R2 8"]), ("both", ["R1 4", "R2 4", "R1 8", "R2 8"])],
)
def test_it_is_taken_where_it_is_asked_for_and_each_size_has_its_weight(
    at: Penalised, names: list[str]
) -> None:
    known = linear_step(sizes=(4, 8))
    loss = ZeroCentredPenalty(spec(4, 8), at=at, weight=(1.0, 7.0), unconditional=False)
    terms = loss.discriminator(known)
    assert list(terms) == names
    for name, term in terms.items():
        large = name.endswith("8")
        expected = (7 if large else 1) / 2 * 4 * norm(known, int(large))
        assert term.item() == pytest.approx(expected, rel=1e-5)
    assert not loss.generator(known)


def test_a_lazy_penalty_has_the_same_mean() -> None:
    lazy = ZeroCentredPenalty(spec(4), at="real", every=4)
    assert isinstance(lazy, Varies)
    (always,) = ZeroCentredPenalty(spec(4), at="real").discriminator(linear_step()).values()
    terms = [lazy.discriminator(linear_step(number=number)) for number in range(8)]
    assert [bool(term) for term in terms] == [False, False, False, True] * 2
    total = sum(value.item() for term in terms for value in term.values())
    assert total / 8 == pytest.approx(always.item(), rel=1e-5)
    variants = [lazy.variant(Progress(step=number, steps=8, batch_size=3, images=9)) for number in range(8)]
    assert len(set(variants)) == 2
    assert [variant == variants[3] for variant in variants] == [bool(term) for term in terms]


def test_finite_differences_estimate_the_squared_gradient() -> None:
    known = linear_step()
    (network,), (images,) = known.discriminators, known.real
    exact = squared_slopes(network, images, known.prompt, unconditional=True)
    with torch.no_grad():
        draws = [
            estimated_slopes(network, images, known.prompt, unconditional=True, distance=0.01)
            for _ in range(2000)
        ]
    assert exact.shape == draws[0].shape == (2, 3)
    torch.testing.assert_close(torch.stack(draws).mean(dim=0), exact.detach(), rtol=0.1, atol=0)


@pytest.mark.parametrize("method", ["exact", "finite-difference"])
def test_gradients_reach_the_discriminator_alone(method: Method) -> None:
    known = linear_step()
    (network,) = known.discriminators
    assert isinstance(network, Linear)
    terms = ZeroCentredPenalty(spec(4), method=method).discriminator(known)
    total = torch.stack(list(terms.values())).sum()
    own, fake = torch.autograd.grad(total, [network.map, known.fake.images[0]], allow_unused=True)
    assert fake is None
    # for a linear discriminator, the penalty's gradient points along its weights
    similarity = nn.functional.cosine_similarity(own.flatten(), network.map.detach().flatten(), dim=0)
    assert similarity > (0.999 if method == "exact" else 0.15)


def test_finite_differences_do_not_measure_the_rounding_of_autocast() -> None:
    known = linear_step()
    rounded = replace(known.prompt, sentence=known.prompt.sentence.bfloat16())
    loss = ZeroCentredPenalty(spec(4), at="real", method="finite-difference", distance=1e-3)
    terms = []
    for enabled, prompt in ((False, known.prompt), (True, rounded)):
        torch.manual_seed(1)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            terms += list(loss.discriminator(replace(known, prompt=prompt)).values())
    torch.testing.assert_close(terms[1], terms[0], rtol=1e-3, atol=0)


def test_one_weight_for_each_size() -> None:
    with pytest.raises(RecipeError) as raised:
        ZeroCentredPenalty(spec(4, 8), weight=(1.0, 2.0, 3.0))
    assert [problem.code for problem in raised.value.problems] == ["penalty-weights"]


class Normalised(Linear):
    """A linear discriminator after batch normalisation."""

    def __init__(self, *shape: int) -> None:
        super().__init__(*shape)
        self.norm = nn.BatchNorm2d(shape[0])

    def features(self, images: Tensor) -> Tensor:
        return super().features(self.norm(images))


@pytest.mark.parametrize("method", ["exact", "finite-difference"])
def test_batch_normalisation_is_refused_unless_it_is_frozen(method: Method) -> None:
    network = Normalised(3, 4, 4)
    known = replace(linear_step(), discriminators=(network,))
    loss = ZeroCentredPenalty(spec(4), method=method, every=2)
    with pytest.raises(RecipeError) as raised:
        loss.discriminator(known)  # in the first step, which has no penalty
    (problem,) = raised.value.problems
    assert problem.code == "batch-statistics"
    assert "`norm`" in problem.message
    network.eval()
    assert not loss.discriminator(known)
