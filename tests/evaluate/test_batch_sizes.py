"""How many images are drawn at once decides neither their noise nor any value that is measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_run import train_tiny
from torch import Tensor

import attnforge.evaluate.measuring as measuring
from attnforge.evaluate.evaluating import evaluate_run
from attnforge.evaluate.measured import Measurement
from attnforge.train.progress import ConsoleReporter

SIZES = (1, 3, 7, 50)
NAMES = ("attribute accuracy", "R-precision")


@pytest.mark.parametrize("conditioner", ["sentence", "augmentation"])
def test_images_and_metrics_are_the_same_for_every_batch_size(
    conditioner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTNFORGE_CACHE", "off")  # or rows of the first batch size would serve all
    overrides = (
        f"generator.conditioner={conditioner}",
        "evaluation.captions=24",
        "phases.gan.sample_every=0",
    )
    train_tiny(tmp_path / "run", *overrides)
    drawn: dict[int, list[Tensor]] = {size: [] for size in SIZES}
    noise: dict[int, list[Tensor]] = {size: [] for size in SIZES}
    generate = measuring.generate_batch

    def noting(text: Any, sampler: Any, tokenizer: Any, captions: Sequence[str], **options: Any) -> Tensor:
        handle = sampler.generator.register_forward_pre_hook(lambda _, inputs: noise[size].append(inputs[0]))
        drawn[size].append(generate(text, sampler, tokenizer, captions, **options))
        handle.remove()
        assert len(drawn[size][-1]) == len(captions) <= size
        return drawn[size][-1]

    monkeypatch.setattr(measuring, "generate_batch", noting)
    measured: dict[int, Measurement] = {}
    for size in SIZES:
        # or the first measurement would be taken for all
        for folder in (tmp_path / "run/measured").glob("*"):
            folder.unlink()
        (measured[size],) = evaluate_run(
            tmp_path / "run",
            overrides=[f"evaluation.batch_size={size}"],
            device="cpu",
            reporter=ConsoleReporter(),
        )
    first, images = measured[1], torch.cat(drawn[1])
    assert images.std(dim=0).max() > 1e-3
    for size in SIZES[1:]:
        assert torch.equal(torch.cat(noise[size]), torch.cat(noise[1]))
        assert torch.allclose(torch.cat(drawn[size]), images, atol=1e-5)
        assert measured[size].metrics.keys() == first.metrics.keys()
        for name, value in first.metrics.items():
            same = value if isinstance(value, str) else pytest.approx(value, rel=1e-6)
            assert measured[size].metrics[name] == same
    assert set(NAMES) <= first.metrics.keys()


def test_a_batch_size_is_no_other_protocol(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_tiny(tmp_path / "run", "phases.gan.sample_every=0")
    reporter = ConsoleReporter()
    (first,) = evaluate_run(tmp_path / "run", device="cpu", reporter=reporter)
    overrides = ["evaluation.batch_size=5"]
    (second,) = evaluate_run(tmp_path / "run", overrides=overrides, device="cpu", reporter=reporter)
    assert "already measured" in capsys.readouterr().out
    assert first.protocol_digest == second.protocol_digest
