"""A run whose networks torch compiles trains as one whose networks it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import rows
from tiny_run import train_tiny

SHORT = (
    "phases.damsm.steps=2",
    "phases.gan.steps=2",
    "training.device=cpu",
    "evaluation.metrics={attributes: null, retrieval: null}",
)


@pytest.mark.long
def test_a_compiled_run_has_the_losses_of_one_that_is_not(tmp_path: Path) -> None:
    for name, compiled in (("compiled", "true"), ("plain", "false")):
        assert train_tiny(tmp_path / name, *SHORT, f"training.compile={compiled}").finished
    plain, compiled = rows(tmp_path / "plain"), rows(tmp_path / "compiled")
    assert len(plain) == len(compiled) == 4
    for own, other in zip(compiled, plain, strict=True):
        assert own.keys() == other.keys()
        for key, value in other.items():
            if isinstance(value, float) and "second" not in key:
                assert own[key] == pytest.approx(value, rel=2e-2, abs=5e-3), key  # Adam amplifies rounding
