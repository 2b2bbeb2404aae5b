"""A phase starts from the weights that the phases before it have trained."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import torch
from damaged_runs import weights_of
from tiny_run import train_tiny

from attnforge.adversarial.task import AdversarialTask

AGAIN = "phases.again={task: gan, steps: 2, batch_size: 4, sample_every: 0}"
UNMEASURED = "evaluation.metrics={attributes: null, retrieval: null}"


def test_a_second_adversarial_phase_starts_from_what_trained_and_not_from_averages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[dict[str, torch.Tensor]] = []
    build = AdversarialTask.__init__

    @wraps(build)
    def note(task: AdversarialTask, *spec: Any, **options: Any) -> None:
        build(task, *spec, **options)
        networks = {name: network.state_dict() for name, network in task.networks().items()}
        starts.append(
            {
                f"{name}/{key}": value.clone()
                for name, state in networks.items()
                for key, value in state.items()
            }
        )

    monkeypatch.setattr(AdversarialTask, "__init__", note)
    assert train_tiny(tmp_path / "run", AGAIN, UNMEASURED).finished
    trained = weights_of(tmp_path / "run", "gan-0000005")
    start = starts[-1]
    for name in ("generator", "discriminator-16", "discriminator-32", "text", "image"):
        keys = [key for key in start if key.startswith(f"{name}/")]
        assert keys, sorted(start)
        for key in keys:
            assert torch.equal(start[key], trained[key]), key
    for key in (key for key in start if key.startswith("generator-average/")):
        assert torch.equal(start[key], trained[key.replace("generator-average/", "generator/")]), key
    assert any(
        not torch.equal(trained[key], trained[key.replace("generator/", "generator-average/")])
        for key in trained
        if key.startswith("generator/")
    )


def test_a_run_that_is_stopped_between_two_adversarial_phases_is_resumed_exactly(tmp_path: Path) -> None:
    assert train_tiny(tmp_path / "straight", AGAIN, UNMEASURED).finished
    assert train_tiny(tmp_path / "halved", UNMEASURED).finished
    assert train_tiny(tmp_path / "halved", AGAIN, UNMEASURED, resume=True).finished
    straight = weights_of(tmp_path / "straight", "again-0000002")
    halved = weights_of(tmp_path / "halved", "again-0000002")
    assert straight.keys() == halved.keys()
    assert all(torch.equal(straight[key], halved[key]) for key in straight)
