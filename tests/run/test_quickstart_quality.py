"""The quickstart at full size: it must draw what captions ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnforge.recipe import resolve
from attnforge.report.compose import report_run
from attnforge.run.training import train
from attnforge.sampling.pipeline import Pipeline
from attnforge.train.progress import ConsoleReporter


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_the_quickstart_draws_what_held_out_captions_ask_for(tmp_path: Path) -> None:
    path = tmp_path / "quickstart"
    resolved = resolve("quickstart", overrides=["training.threads=2"])
    outcome = train(resolved, path, resume=False, reporter=ConsoleReporter())
    assert outcome.finished
    assert outcome.metrics["captions"] == 500
    assert outcome.metrics["attribute accuracy"] >= 0.8
    assert outcome.metrics["R-precision"] >= 10 * outcome.metrics["R-precision chance"]
    assert report_run(path).stat().st_size > 100_000
    samples = Pipeline.load(path).generate(["a red bird with blue wings"], count=2)
    assert [image.shape for image in samples[0].images] == [(16, 16, 3), (32, 32, 3), (64, 64, 3)]
