"""A recipe without an image encoder: it trains and samples, and what needs an encoder is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_run import TINY

from attnforge.errors import AttnforgeError
from attnforge.recipe import resolve
from attnforge.run.training import Outcome, train
from attnforge.sampling.pipeline import Pipeline
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.train.progress import ConsoleReporter

ALONE = (
    "image=null",
    "phases.damsm=null",
    "losses.damsm=null",
    "evaluation.metrics={attributes: attribute-accuracy, retrieval: null}",
    "losses.packed.weight=1",  # one that does not follow the number of steps
    "phases.gan.steps=3",
)
RED = "a red bird with blue wings"


def train_alone(path: Path, *overrides: str, resume: bool = False) -> Outcome:
    """Train the tiny recipe without the options of its image encoder and of its first phase."""
    small = [override for override in TINY if not override.startswith(("image.", "phases.damsm"))]
    resolved = resolve("quickstart", overrides=[*small, *overrides])
    return train(resolved, path, resume=resume, allow_changes=resume, reporter=ConsoleReporter())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without an image encoder; not to be changed."""
    path = tmp_path_factory.mktemp("alone") / "run"
    assert train_alone(path, *ALONE).finished
    return path


def test_it_trains_measures_and_samples(trained: Path) -> None:
    assert "attribute accuracy" in (trained / "result.json").read_text()
    assert list((trained / "samples").glob("gan-*/00.png"))
    pipeline = Pipeline.load(trained, device="cpu")
    assert isinstance(pipeline.checkpoint, Checkpoint)
    assert "image" not in pipeline.checkpoint.networks()
    (image,) = pipeline.generate([RED], attention=True)
    assert len(image.attention) == 1
    assert image.regions is None


def test_it_resumes(trained: Path, tmp_path: Path) -> None:
    short = [override for override in ALONE if not override.startswith("phases.gan.steps")]
    path = tmp_path / "run"
    assert train_alone(path, *short, "phases.gan.steps=2").finished
    assert train_alone(path, *ALONE, resume=True).finished
    names = ("generator-average", "discriminator-32")
    for name in names:
        first, second = (run / f"checkpoints/gan-0000003/{name}.safetensors" for run in (trained, path))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("override", "component"),
    [
        ("losses.damsm=damsm", "the loss `damsm`"),
        ("phases.damsm={task: damsm, steps: 1, batch_size: 4, evaluation: null}", "the task `damsm`"),
        ("evaluation.metrics={retrieval: r-precision}", "the metric `r-precision`"),
    ],
)
def test_what_compares_captions_with_images_is_refused_before_training(
    tmp_path: Path, override: str, component: str
) -> None:
    path = override.partition("=")[0]
    others = [one for one in ALONE if one.partition("=")[0] != path]
    with pytest.raises(AttnforgeError) as caught:
        train_alone(tmp_path / "run", *others, override)
    (problem,) = caught.value.problems
    assert problem.code == "no-image-encoder"
    assert component in problem.message
    assert "`image` encoder" in str(problem.expected)
    assert not (tmp_path / "run/metrics.jsonl").exists()
