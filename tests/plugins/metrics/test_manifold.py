"""Precision and recall the right way round, and diversity and leakage of known sets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from attnforge_metrics.diversity import CaptionDiversity
from attnforge_metrics.leakage import Leakage
from attnforge_metrics.manifold import PrecisionRecall, manifold
from measured_images import NoNetwork, computed, spec_of
from torch import Tensor


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_hand(real: Tensor, generated: Tensor, k: int) -> tuple[float, float, float, float]:
    """As the papers write it, from all distances."""
    own, fake, across = (
        torch.cdist(a.double(), b.double())
        for a, b in ((real, real), (generated, generated), (real, generated))
    )
    real_radii, fake_radii = (d.sort(dim=1).values[:, k] for d in (own, fake))
    inside = across <= real_radii[:, None]
    return (
        float(inside.any(dim=0).double().mean()),
        float((across <= fake_radii).any(dim=1).double().mean()),
        float(inside.sum(dim=0).double().mean() / k),
        float((across.amin(dim=1) <= real_radii).double().mean()),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_all_values_are_those_of_the_papers(k: int) -> None:
    # more than one chunk
    real, generated = normal(1_050, 6), 0.8 * normal(1_010, 6, seed=2) + 0.4
    assert manifold(real, generated, neighbours=k) == pytest.approx(by_hand(real, generated, k))


def test_one_copied_image_is_precise_and_recalls_nothing() -> None:
    """A generator with mode collapse on a real image, and one that has all modes and junk besides."""
    real = normal(200, 6)
    collapsed = manifold(real, real[:1] + 1e-3 * normal(200, 6, seed=2), neighbours=5)
    assert collapsed.precision == 1
    assert collapsed.recall < 0.02
    assert collapsed.coverage < 0.1
    junk = torch.cat((real[:100] + 1e-3, 100 + normal(100, 6, seed=3)))
    mixed = manifold(real, junk, neighbours=5)
    assert mixed.precision == 0.5
    assert mixed.recall > 0.9
    same = manifold(real, real.clone(), neighbours=5)
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)


def test_names_tell_the_network_and_few_images_the_reason() -> None:
    metric = PrecisionRecall(spec_of(normal(20, 4)), network=NoNetwork, neighbours=3)
    values = computed(metric, normal(10, 4, seed=2))
    names = [f"{name} (given, 0, k = 3)" for name in ("precision", "recall", "density", "coverage")]
    assert list(values) == [*names, f"{names[0]} note"]
    assert list(computed(metric, normal(3, 4))) == [f"{names[0]} withheld"]
    few = PrecisionRecall(spec_of(normal(3, 4)), network=NoNetwork, neighbours=3)
    assert list(computed(few, normal(10, 4))) == [f"{names[0]} withheld"]


class Captioned(SimpleNamespace):
    """Two real images a class; captions of two images are the same if that is asked."""

    shared: bool

    def __len__(self) -> int:
        return 4

    def captions(self, index: int) -> list[str]:
        return [f"bird {index // 2 if self.shared else index}"]

    def class_id(self, index: int) -> int:
        return index // 2

    def sample(self, index: int, *, seed: int) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(("shared", "what"), [(True, "caption"), (False, "class")])
def test_diversity_is_1_where_generated_images_differ_as_real_ones_do(shared: bool, what: str) -> None:
    real = torch.tensor([[0.0], [2.0], [10.0], [14.0]])
    metric = CaptionDiversity(spec_of(real, data=Captioned(shared=shared)), network=NoNetwork)
    captions = ["a", "b", "a", "b", "a"]
    generated = torch.tensor([[0.0], [5.0], [3.0], [8.0], [0.0]])
    values = computed(metric, generated, captions)
    # a: distances 3, 0, 3; b: 3; real images: 2 and 4
    name = f"diversity (given, 0, real images of a {what})"
    assert values == {name: pytest.approx((2 + 3) / 2 / 3), f"{name} distance": pytest.approx((2 + 3) / 2)}
    alike = computed(metric, torch.ones(5, 1), captions)
    assert next(iter(alike.values())) == 0
    assert list(computed(metric, generated, list("abcde"))) == ["diversity (given, 0) withheld"]


def test_copies_of_training_images_leak_and_images_like_test_images_do_not() -> None:
    training, test = normal(400, 6), normal(300, 6, seed=2)
    metric = Leakage(spec_of(test, train=training), network=NoNetwork, quantile=0.05)
    name = "leakage (given, 0, 0.05)"
    fresh = computed(metric, normal(300, 6, seed=3))
    assert fresh[name] < 0.12
    assert fresh[f"{name} chance"] == 0.05
    assert fresh[f"{name} median ratio"] == pytest.approx(1, abs=0.1)
    copies = computed(metric, torch.cat((training[:50] + 1e-4, normal(50, 6, seed=4))))
    assert copies[name] == pytest.approx(0.5, abs=0.1)
    assert list(computed(metric, normal(9, 6))) == [f"{name} withheld"]
