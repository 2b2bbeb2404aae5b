"""The task joint-embedding: its learning rate, its terms, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from attnforge_reed.joint_embedding import JointEmbeddingTask
from attnforge_reed.ranking import ranking_loss

from attnforge.compute.engine import Engine
from attnforge.errors import AttnforgeError
from attnforge.specs import TaskSpec
from attnforge.testing.checks.task import batch
from attnforge.testing.examples.specs import spec_for
from attnforge.values import Progress


def task(**options: Any) -> JointEmbeddingTask:
    spec: TaskSpec = spec_for("task", Path())
    return JointEmbeddingTask(replace(spec, **options.pop("spec", {})), **options)


def step(made: JointEmbeddingTask, number: int) -> dict[str, float]:
    progress = Progress(step=number, steps=400, batch_size=4, images=8)
    return {name: float(value) for name, value in made.step(batch(), progress=progress).items()}


def test_the_learning_rate_decays_by_a_factor_every_so_many_steps() -> None:
    made = task(learning_rate=1e-3, decay=0.5, decay_every=10)
    rates = []
    for number in (0, 9, 10, 29, 30):
        step(made, number)
        rates.append(made.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4, 2.5e-4, 1.25e-4])


def test_the_symmetric_loss_has_both_terms_and_the_other_only_that_of_images() -> None:
    both, single = step(task(), 0), step(task(symmetric=False), 0)
    assert both.keys() == {"joint embedding", "images", "captions", "accuracy"}
    assert both["joint embedding"] == pytest.approx(both["images"] + both["captions"])
    assert single.keys() == {"joint embedding", "images", "accuracy"}
    assert single["joint embedding"] == pytest.approx(both["images"])


def test_a_batch_is_fitted() -> None:
    made = task(learning_rate=1e-2)
    losses = [step(made, 0) for _ in range(60)]
    assert losses[-1]["joint embedding"] < 0.5 * losses[0]["joint embedding"]


def test_pairs_of_one_class_are_no_negatives() -> None:
    vectors = torch.eye(3)
    own, ignored = torch.arange(3), torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 0]]).bool()
    assert float(ranking_loss(0 * vectors, vectors, own)) == pytest.approx(6 / 9)
    assert float(ranking_loss(0 * vectors, vectors, own, ignored=ignored)) == pytest.approx(4 / 9)


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"image": None}, "no-image-encoder"),
        ({"engine": Engine(micro_batch_size=2)}, "whole-batches-only"),
    ],
)
def test_what_it_cannot_train_is_refused(spec: dict[str, Any], code: str) -> None:
    with pytest.raises(AttnforgeError) as raised:
        task(spec=spec)
    assert [problem.code for problem in raised.value.problems] == [code]


def test_frozen_encoders_and_single_images_are_refused() -> None:
    made = task()
    with pytest.raises(AttnforgeError) as raised:
        made.step(batch(count=1), progress=Progress(step=0, steps=4, batch_size=1, images=8))
    assert raised.value.problems[0].code == "batch-of-one"
    for network in made.networks().values():
        network.requires_grad_(False)
    with pytest.raises(AttnforgeError) as raised:
        task(spec={"text": made.text, "image": made.image})
    assert raised.value.problems[0].code == "nothing-to-train"
