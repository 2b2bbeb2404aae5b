"""Distances between sets of features: closed forms, a set and itself, and what is said of few images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from attnforge_metrics.frechet import FrechetDistance, Gaussian, factor_of, frechet_distance, gaussian_of
from attnforge_metrics.kernel import KernelDistance, polynomial_distance
from attnforge_metrics.mind import MonteCarloDistance, sliced_distance
from measured_images import NoNetwork, computed, spec_of
from torch import Tensor

from attnforge.errors import RecipeError


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("count", "dim"), [(30, 200), (300, 20), (20, 20), (21, 20)])
def test_a_set_is_at_distance_0_from_itself(count: int, dim: int) -> None:
    features = 5 * normal(count, dim) + 3
    assert abs(frechet_distance(gaussian_of(features), gaussian_of(features.clone()))) < 1e-8


def test_known_gaussians_have_the_distance_of_the_closed_form() -> None:
    """For diagonal covariances: |m - m'|^2 + sum of (s - s')^2."""
    first, second = torch.tensor([1.0, 2.0, 3.0, 0.0]).double(), torch.tensor([2.0, 2.0, 0.5, 1.0]).double()
    mean = torch.tensor([0.5, 0.0, -1.0, 2.0]).double()
    exact = float(mean.square().sum() + (first - second).square().sum())
    gaussians = [Gaussian(torch.zeros(4).double(), factor_of(first.square().diag()))]
    gaussians.append(Gaussian(mean, factor_of(second.square().diag())))
    assert frechet_distance(*gaussians) == pytest.approx(exact, abs=1e-12)
    # turned in space, nothing changes
    turn, _ = torch.linalg.qr(normal(4, 4).double())
    turned = [Gaussian(g.mean @ turn, factor_of(turn.T @ g.factor.T @ g.factor @ turn)) for g in gaussians]
    assert frechet_distance(*turned) == pytest.approx(exact, abs=1e-10)


@pytest.mark.parametrize(("count", "others"), [(500, 400), (15, 400), (15, 12)])
def test_the_distance_is_that_of_the_matrix_root(count: int, others: int) -> None:
    first, second = normal(count, 30), 2 * normal(others, 30, seed=2) + 0.3
    means, covariances = zip(
        *((features.double().mean(dim=0), features.double().T.cov()) for features in (first, second)),
        strict=True,
    )
    # tr (C C')^(1/2) = sum of the roots of the eigenvalues of C^(1/2) C' C^(1/2)
    values, vectors = torch.linalg.eigh(covariances[0])
    root = vectors @ values.clamp(min=0).sqrt().diag() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp(min=0).sqrt().sum()
    expected = (means[0] - means[1]).square().sum() + sum(c.trace() for c in covariances) - 2 * overlap
    distance = frechet_distance(gaussian_of(first), gaussian_of(second))
    assert distance == pytest.approx(float(expected), rel=1e-6)
    assert frechet_distance(gaussian_of(second), gaussian_of(first)) == pytest.approx(distance, rel=1e-12)


def test_few_images_are_said_to_be_too_few() -> None:
    metric = FrechetDistance(spec_of(normal(50, 4)), network=NoNetwork)
    name = "FD (given, 0)"
    values = computed(metric, normal(60, 4, seed=2))
    assert values[name] == pytest.approx(
        frechet_distance(gaussian_of(normal(60, 4, seed=2)), gaussian_of(normal(50, 4)))
    )
    assert "50 images" in values[f"{name} note"]
    few = computed(FrechetDistance(spec_of(normal(50, 100)), network=NoNetwork), normal(60, 100, seed=2))
    assert "fewer than the 100 features" in few[f"{name} note"]
    assert computed(metric, normal(9, 4)) == {f"{name} withheld": "at least 10 images are needed, not 9"}
    for kind in (FrechetDistance, KernelDistance, MonteCarloDistance):
        (reason,) = computed(kind(spec_of(normal(9, 4)), network=NoNetwork), normal(20, 4)).values()
        assert reason == "at least 10 real images are needed, not 9"
    many = computed(FrechetDistance(spec_of(normal(10_000, 4)), network=NoNetwork), normal(10_000, 4, seed=2))
    assert list(many) == [name]


def test_statistics_of_a_file_stand_for_real_images(tmp_path: Path) -> None:
    real, generated = normal(200, 4), normal(100, 4, seed=2)
    path = tmp_path / "birds.npz"
    np.savez(path, mu=real.double().mean(dim=0).numpy(), sigma=real.double().T.cov().numpy())
    spec = spec_of(real)
    (name, value), *_ = computed(
        FrechetDistance(spec, network=NoNetwork, reference=str(path)), generated
    ).items()
    assert name.startswith("FD (given, 0, reference ")
    exact = computed(FrechetDistance(spec, network=NoNetwork), generated)["FD (given, 0)"]
    assert value == pytest.approx(exact, rel=1e-9)


def test_statistics_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "birds.npz"
    spec = spec_of(normal(5, 4))
    contents = {
        "no-reference-file": None,
        "reference-mismatch": {"mu": np.zeros(5), "sigma": np.eye(5)},
        "not finite": {"mu": np.zeros(4), "sigma": np.full((4, 4), np.nan)},
        "names": {"mean": np.zeros(4)},
    }
    for code, arrays in contents.items():
        if arrays is not None:
            np.savez(path, **arrays)
        with pytest.raises(RecipeError) as error:
            FrechetDistance(spec, network=NoNetwork, reference=str(path))
        expected = code if "-" in code else "reference-mismatch"
        assert [problem.code for problem in error.value.problems] == [expected]
    path.write_bytes(b"<html>")
    with pytest.raises(RecipeError, match="cannot be read"):
        FrechetDistance(spec, network=NoNetwork, reference=str(path))


def test_the_kernel_distance_is_the_sum_over_pairs() -> None:
    first, second = normal(7, 3), normal(9, 3, seed=2) + 0.2

    def kernel(one: Tensor, other: Tensor) -> float:
        return float((one.double() @ other.double() / 3 + 1) ** 3)

    own = [kernel(a, b) for i, a in enumerate(first) for j, b in enumerate(first) if i != j]
    other = [kernel(a, b) for i, a in enumerate(second) for j, b in enumerate(second) if i != j]
    across = [kernel(a, b) for a in first for b in second]
    expected = sum(own) / len(own) + sum(other) / len(other) - 2 * sum(across) / len(across)
    assert float(polynomial_distance(first, second)) == pytest.approx(expected, abs=1e-10)


def test_the_kernel_distance_of_one_distribution_is_0_on_average() -> None:
    distances = torch.stack(
        [
            polynomial_distance(normal(40, 5, seed=seed), normal(30, 5, seed=1000 + seed))
            for seed in range(200)
        ]
    )
    assert abs(distances.mean()) < 3 * distances.std() / 200**0.5
    moved = polynomial_distance(normal(300, 5), normal(300, 5, seed=2) + 1)
    # for means 0 and m of normal vectors, the kernel's expectation is (m m' / d + 1)^3 + ..., so it is clear
    assert moved > 10 * distances.std()


def test_subsets_give_a_deviation_and_few_images_a_note() -> None:
    real, generated = normal(60, 4), normal(50, 4, seed=2) + 0.5
    metric = KernelDistance(spec_of(real), network=NoNetwork, subsets=20, subset_size=30)
    values = computed(metric, generated)
    name = "KID (given, 0)"
    assert list(values) == [name, f"{name} deviation"]
    assert values[name] == pytest.approx(float(polynomial_distance(generated, real)), rel=0.2)
    assert computed(metric, generated) == values
    order = torch.randperm(50, generator=torch.Generator().manual_seed(3))
    captions = [f"caption {number}" for number in order.tolist()]
    assert computed(metric, generated[order], captions) == pytest.approx(values, rel=1e-9)
    few = computed(KernelDistance(spec_of(real), network=NoNetwork), generated)
    assert few[name] == pytest.approx(float(polynomial_distance(generated, real)))
    assert "of all images" in few[f"{name} note"]


def test_a_set_that_is_moved_is_at_three_times_the_squared_length() -> None:
    features, move = normal(100, 50), 0.3 * normal(50, seed=2)
    exact = 3 * float(move.square().sum())
    assert sliced_distance(features, features, directions=10, seed=1) == 0
    moved = sliced_distance(features, features + move, directions=4_000, seed=1)
    assert moved == pytest.approx(exact, rel=0.1)
    scaled = sliced_distance(features, 2 * features, directions=300, seed=1)
    # of a direction, the mean square of the projections, which is 1 for normal features
    assert scaled == pytest.approx(3 * 50, rel=0.1)


def test_the_sliced_distance_does_not_depend_on_the_order() -> None:
    real, generated = normal(60, 4), normal(50, 4, seed=2)
    metric = MonteCarloDistance(spec_of(real), network=NoNetwork, directions=70)
    values = computed(metric, generated)
    assert "of 50 images" in values["MIND (given, 0) note"]
    order = torch.randperm(50, generator=torch.Generator().manual_seed(3))
    captions = [f"caption {number}" for number in order.tolist()]
    assert computed(metric, generated[order], captions) == values
