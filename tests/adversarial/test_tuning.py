"""Encoders learn along with the generator where the task has `encoders`, and stay as they are elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from attnforge_attngan.losses.damsm import DamsmLoss
from attnforge_gan.losses import BinaryCrossEntropyLoss
from known_steps import SPEC
from small_game import play, spec, state
from torch import Tensor, nn

from attnforge.adversarial.task import AdversarialTask
from attnforge.adversarial.tuning import EncoderTuning
from attnforge.compute.engine import Engine
from attnforge.errors import AttnforgeError, RecipeError

TUNING = EncoderTuning(learning_rate=0.01)
NAMES = ("text", "image")


def task(*, engine: Engine | None = None, **options: Any) -> AdversarialTask:
    losses = {"adversarial": BinaryCrossEntropyLoss(SPEC), "damsm": DamsmLoss(SPEC)}
    return AdversarialTask(replace(spec(**losses), engine=engine), **options)


def encoders(tuned: AdversarialTask) -> dict[str, Tensor]:
    networks = tuned.networks()
    return {f"{name}.{key}": value for name in NAMES for key, value in state(networks[name]).items()}


def test_frozen_encoders_are_the_default() -> None:
    frozen = task()
    before = encoders(frozen)
    scalars = play(frozen)
    assert all(torch.equal(value, before[name]) for name, value in encoders(frozen).items())
    assert set(frozen.optimizers()) == {"generator", "discriminators"}
    assert not any(name.startswith("E ") for name in scalars)


def test_trainable_weights_learn_and_statistics_stay() -> None:
    tuned = task(encoders=TUNING)
    before = encoders(tuned)
    assert "E damsm" in play(tuned)
    after = encoders(tuned)
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    still = {name for name in after if "running" in name or "num_batches" in name or name == "image.frozen"}
    assert changed == after.keys() - still
    for name in NAMES:
        network = tuned.networks()[name]
        assert not network.training
        assert not any(weight.requires_grad for weight in network.parameters())


def test_the_step_of_generator_and_discriminators_is_that_with_frozen_encoders() -> None:
    frozen, tuned = task(), task(encoders=TUNING)
    scalars, with_tuning = play(frozen), play(tuned)
    assert {name: with_tuning[name] for name in scalars} == scalars
    for name, network in frozen.networks().items():
        if name not in NAMES:
            for key, value in state(network).items():
                assert torch.equal(tuned.networks()[name].state_dict()[key], value), f"{name} {key}"
    assert play(frozen, seed=1) != {name: play(tuned, seed=1)[name] for name in scalars}


def test_encoders_learn_to_match_real_images() -> None:
    tuned = task(encoders=TUNING)
    first = play(tuned)["E damsm"]
    for step in range(8):
        last = play(tuned, seed=step)["E damsm"]
    assert last < first


def test_the_learning_rate_follows_the_schedule_of_the_task() -> None:
    from attnforge.adversarial.schedules import Schedule

    tuned = task(encoders=TUNING, schedule=Schedule(decay_from=0.0, decay_to=0.0))
    play(tuned, progress=0.5)
    assert tuned.optimizers()["encoders"].param_groups[0]["lr"] == pytest.approx(0.005)


def test_micro_batches_tune_the_encoders_too() -> None:
    tuned = task(encoders=TUNING, engine=Engine(micro_batch_size=2))
    before = encoders(tuned)
    assert "E damsm" in play(tuned)
    assert not torch.equal(encoders(tuned)["text.embedding.weight"], before["text.embedding.weight"])


def test_tuning_needs_a_loss_with_terms_for_encoders_and_trainable_encoders() -> None:
    with pytest.raises(RecipeError) as caught:
        AdversarialTask(spec(adversarial=BinaryCrossEntropyLoss(SPEC)), encoders=TUNING)
    assert [problem.code for problem in caught.value.problems] == ["no-terms"]
    parts = spec()
    for network in (parts.text, parts.image):
        assert isinstance(network, nn.Module)
        network.requires_grad_(False)
    with pytest.raises(AttnforgeError) as refused:
        AdversarialTask(parts, encoders=TUNING)
    assert [problem.code for problem in refused.value.problems] == ["nothing-to-train"]
