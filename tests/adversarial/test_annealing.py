"""How weights shrink during a phase."""

from __future__ import annotations

import pytest
from attnforge_r3gan.zero_centred import ZeroCentredPenalty

from attnforge.adversarial.annealing import Annealing
from attnforge.interfaces import Progress
from attnforge.specs import LossSpec


def at(step: int) -> Progress:
    return Progress(step=step, steps=1000, batch_size=4, images=100)


def test_a_weight_follows_a_cosine_in_steps_and_then_stays() -> None:
    anneal = Annealing(to=0.1, until=0.5, levels=100)
    factors = [anneal.factor(at(step)) for step in range(1000)]
    assert factors[0] == pytest.approx(1.0, abs=1e-3)
    assert factors[250] == pytest.approx(0.55, abs=0.01)
    assert factors[500:] == [0.1] * 500
    assert factors == sorted(factors, reverse=True)
    assert len(set(factors)) == 101


def test_a_penalty_is_computed_by_as_many_graphs_as_it_has_weights() -> None:
    spec = LossSpec(words=4, vocabulary_size=9, image_sizes=(16,))
    loss = ZeroCentredPenalty(spec, every=2, anneal=Annealing(to=0.2, levels=4))
    variants = [loss.variant(at(step)) for step in range(1000)]
    assert set(variants[::2]) == {None}
    factors = list(dict.fromkeys(variants[1::2]))
    assert len(factors) == 4
    assert factors == pytest.approx(
        [2 * (0.2 + 0.4 * (1 + cosine)) for cosine in (0.92388, 0.38268, -0.38268, -0.92388)], abs=1e-4
    )
