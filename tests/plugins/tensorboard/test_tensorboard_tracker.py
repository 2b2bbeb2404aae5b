"""The tracker `tensorboard`: what TensorBoard itself reads back from the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attnforge_tensorboard.plugin as tensorboard_plugin
import pytest
from attnforge_tensorboard.section import section
from PIL import Image
from tiny_run import TINY

from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.specs import TrackerSpec
from attnforge.testing import conformance
from attnforge.train.progress import ConsoleReporter

pytest.importorskip("tensorboard", reason="tensorboard is not installed")

PLUGINS = load_plugins(extra=[("tensorboard", tensorboard_plugin)])
SHORT = (
    "phases.damsm.steps=1",
    "phases.gan.steps=3",
    "phases.gan.sample_every=2",
    "phases.gan.checkpoint_every=1",
    "evaluation.metrics={attributes: null, retrieval: null}",
)
TestTracker = conformance("tracker/tensorboard", plugins=PLUGINS)


def tracker(run: Path) -> Any:
    from attnforge_tensorboard.tracker import TensorBoardTracker

    return TensorBoardTracker(TrackerSpec(run=str(run), recipe={"training": {"seed": 3}}))


def read(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def steps(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(folder).Scalars(tag)]


def test_scalars_images_and_texts_are_what_tensorboard_reads(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    captions = [{"caption": "a red bird", "index": 0}]
    (tmp_path / "samples/captions.json").write_text(json.dumps(captions))
    image = tmp_path / "samples/00.png"
    Image.new("RGB", (6, 4), (40, 0, 0)).save(image)
    board = tracker(tmp_path)
    board.scalars({"G damsm": 0.5, "D adversarial 64": 2.0}, phase="gan", step=20)
    board.scalars({"matching": 1.0}, phase="damsm", step=1)
    board.images([str(image)], phase="gan", step=20)
    board.close()
    board.close()
    folder = tmp_path / "tensorboard/gan"
    assert steps(folder, "G damsm") == [(20, 0.5)]
    assert steps(folder.parent / "damsm", "matching") == [(1, 1.0)]
    (picture,) = read(folder).Images("samples/00")
    assert (picture.step, picture.width, picture.height) == (20, 6, 4)
    texts = {
        tag: event.tensor_proto.string_val[0].decode()
        for tag in ("recipe", "captions")
        for event in read(folder).Tensors(f"{tag}/text_summary")
    }
    assert "seed: 3" in texts["recipe"]
    assert "- 00: a red bird" in texts["captions"]


def test_steps_that_a_resumed_run_repeats_are_shown_once(tmp_path: Path) -> None:
    board = tracker(tmp_path)
    for step in (10, 20, 30):
        board.scalars({"loss": 1.0}, phase="gan", step=step)
    board.close()
    board = tracker(tmp_path)
    for step in (20, 30, 40):
        board.scalars({"loss": 2.0}, phase="gan", step=step)
    board.close()
    assert steps(tmp_path / "tensorboard/gan", "loss") == [(10, 1.0), (20, 2.0), (30, 2.0), (40, 2.0)]


@pytest.mark.long
def test_the_shipped_recipe_trains_and_its_report_shows_the_command(tmp_path: Path) -> None:
    run = tmp_path / "run"
    resolved = resolve("quickstart-tensorboard", overrides=[*TINY, *SHORT], plugins=PLUGINS)
    assert train(resolved, run, resume=False, reporter=ConsoleReporter()).finished
    folder = run / "tensorboard/gan"
    assert [step for step, _ in steps(folder, "G damsm 32")] == [1, 2, 3]
    assert [event.step for event in read(folder).Images("samples/01")] == [2, 3]
    ((title, body),) = section(run)
    assert title == "TensorBoard"
    assert f"tensorboard --logdir {run / 'tensorboard'}" in body
    assert section(tmp_path) == []
