"""A folder of twelve images trains to its end, says before what to expect, and does not collapse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tiny_run import TINY

from attnforge.data.checks.few_images import FEW_IMAGES, few_images
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.sampling.pipeline import Pipeline
from attnforge.train.progress import ConsoleReporter

COLOURS = ("red", "green", "blue", "orange", "purple", "black")
SHAPES = ("circle", "square")


@pytest.fixture
def twelve(tmp_path: Path) -> Path:
    root = tmp_path / "twelve"
    root.mkdir()
    lines = []
    for colour in COLOURS:
        for shape in SHAPES:
            image = Image.new("RGBA", (70, 60), (0, 0, 0, 0))
            pen = ImageDraw.Draw(image)
            draw = pen.ellipse if shape == "circle" else pen.rectangle
            draw((15, 10, 55, 50), fill=colour)
            name = f"{colour}-{shape}.png"
            image.save(root / name)
            split = "test" if colour == "black" and shape == "square" else "train"
            lines.append({"file_name": name, "text": f"a {colour} {shape}", "split": split})
    (root / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return root


def spreads(run: Path) -> list[float]:
    """The standard deviation of the pixels of each of four samples, in [-1, 1]."""
    generated = Pipeline.load(run).generate(["a red circle", "a blue square"], count=2)
    return [float(image.images[-1].astype(np.float64).std() / 127.5) for image in generated]


def test_twelve_images_are_trained_with_and_warned_of(
    twelve: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = [option for option in TINY if not option.startswith("data.")]
    recipe = resolve("quickstart-folder", overrides=[*small, f"data.root={twelve}"])
    outcome = train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter())
    assert outcome.finished
    shown = capsys.readouterr().out
    assert "warning: 11 training images are too few to learn what words mean" in shown
    assert "note: nothing pretrained is used" in shown
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["images"] for row in rows if row["event"] == "few-images"] == [11]


def test_enough_images_are_not_warned_of() -> None:
    assert few_images(FEW_IMAGES) is None
    assert few_images(FEW_IMAGES - 1) is not None
    assert str(few_images(1)).startswith("1 training image is too few")


@pytest.mark.long
def test_images_of_twelve_are_not_of_one_colour(twelve: Path, tmp_path: Path) -> None:
    short = ["phases.damsm.steps=150", "phases.gan.steps=300", "samples.count=2"]
    recipe = resolve("quickstart-folder", overrides=[*short, f"data.root={twelve}"])
    assert train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter()).finished
    assert min(spreads(tmp_path / "run")) > 0.1
