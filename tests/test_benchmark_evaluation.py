"""The benchmark of evaluation runs at a small size, and reads the features that it wrote."""

from __future__ import annotations

from pathlib import Path

import evaluation
import evaluation_peers
import pytest
import torch


def test_every_metric_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = evaluation.Files(tmp_path)
    files.write("real", 60, 8, shift=0.0, seed=1)
    files.write("generated", 60, 8, shift=0.5, seed=2)
    assert files.read("real").shape == (60, 8)
    again = evaluation.Files(tmp_path)
    assert torch.equal(again.read("generated"), files.read("generated"))
    for name, compute in evaluation.METRICS.items():
        assert evaluation.measure(name, compute, files) >= 0
        assert name in capsys.readouterr().out


def test_the_distances_of_images_are_those_of_their_features() -> None:
    generated, real = (
        evaluation_peers.Bytes(30, shift=shift, seed=seed) for shift, seed in ((0.1, 1), (0, 2))
    )
    distances = evaluation_peers.by_attnforge(generated, real)
    assert distances.frechet > 0
    assert evaluation_peers.by_attnforge(real, real).frechet == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("system", ["torch-fidelity", "torchmetrics"])
def test_other_systems_have_the_same_distance_of_the_same_images(system: str) -> None:
    pytest.importorskip(system.replace("-", "_"))
    generated, real = (
        evaluation_peers.Bytes(600, shift=shift, seed=seed) for shift, seed in ((0.1, 1), (0, 2))
    )
    ours, theirs = (evaluation_peers.SYSTEMS[name](generated, real) for name in ("attnforge", system))
    assert ours.frechet == pytest.approx(theirs.frechet, rel=1e-3)
    assert ours.kernel == pytest.approx(theirs.kernel, rel=0.05)
