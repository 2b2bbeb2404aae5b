"""The benchmark of evaluation runs at a small size, and reads the features that it wrote."""

from __future__ import annotations

from pathlib import Path

import evaluation
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
