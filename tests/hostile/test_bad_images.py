"""Images that break in the middle of an epoch: an error with their name, or another image in their place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from attnforge_attngan.tokenizer import WordTokenizer
from attnforge_folder.dataset import Folder
from PIL import Image
from tiny_run import TINY

from attnforge.cli import run as attnforge
from attnforge.data.feeding.loader import batches
from attnforge.data.feeding.sample_loader import SkippedImage
from attnforge.errors import DataError, ImageError
from attnforge.interfaces import Batch
from attnforge.specs import DataSpec
from attnforge.values import OnBadImage

COUNT = 12


def folder(root: Path, *, broken: int) -> Path:
    """A folder whose first images are damaged in the middle of their pixels, which no header shows."""
    root.mkdir()
    lines = []
    for number in range(COUNT):
        path = root / f"{number:02d}.png"
        Image.effect_noise((80, 80), 90).convert("RGB").save(path)
        if number < broken:
            content = bytearray(path.read_bytes())
            content[len(content) // 2 : len(content) // 2 + 40] = bytes(40)
            path.write_bytes(content)
        line = {"file_name": path.name, "captions": [f"a red bird {number}"], "split": "train"}
        lines.append(json.dumps(line))
    Image.new("RGB", (80, 80)).save(root / "test.png")
    lines.append(json.dumps({"file_name": "test.png", "text": "a red bird", "split": "test"}))
    (root / "metadata.jsonl").write_text("\n".join(lines))
    return root


def load(
    root: Path, on_bad_image: OnBadImage, *, start: int = 0, workers: int = 0
) -> tuple[list[Batch], list[SkippedImage]]:
    tokenizer = WordTokenizer()
    tokenizer.fit(["a red bird"])
    spec = DataSpec(split="train", image_size=16, on_bad_image=on_bad_image)
    skipped: list[SkippedImage] = []
    made = batches(
        Folder(spec, root=str(root)),
        tokenizer,
        batch_size=4,
        seed=1,
        start_step=start,
        steps=9,
        max_words=5,
        workers=workers,
        on_bad_image=on_bad_image,
        on_skip=skipped.append,
    )
    return list(made), skipped


def test_without_the_option_the_image_is_named(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", broken=1)
    for workers in (0, 1):
        with pytest.raises(ImageError, match=r"00\.png") as caught:
            load(root, "error", workers=workers)
        assert str(caught.value.problems[0].place).endswith("metadata.jsonl:1")


def test_another_image_takes_the_place_whoever_loads_it_and_after_resuming(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", broken=3)
    whole, skipped = load(root, "skip")
    keys = [key for batch in whole for key in batch.keys]
    assert not {"00.png", "01.png", "02.png"} & {*keys}
    assert {image.key for image in skipped} == {"00.png", "01.png", "02.png"}
    assert len(skipped) >= 9  # in each of three epochs
    assert all("cannot be read" in image.reason for image in skipped)
    shared, also_skipped = load(root, "skip", workers=2)
    assert also_skipped == skipped
    resumed, _ = load(root, "skip", start=4)
    for expected, actual in zip([*whole, *whole[4:]], [*shared, *resumed], strict=True):
        assert torch.equal(expected.image, actual.image)
        assert (expected.keys, expected.captions) == (actual.keys, actual.captions)
    intact, _ = load(folder(tmp_path / "intact", broken=0), "skip")
    unbroken = [key for batch in intact for key in batch.keys]
    assert all(one == other for one, other in zip(keys, unbroken, strict=True) if other > "02.png")


def test_obviously_damaged_files_are_skipped_too_unless_all_are(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", broken=0)
    (root / "05.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"05\.png"):
        load(root, "error")
    assert {image.key for image in load(root, "skip")[1]} == {"05.png"}
    for number in range(COUNT):
        (root / f"{number:02d}.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"00\.png"):
        load(root, "skip")


def test_data_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", broken=COUNT)
    with pytest.raises(DataError) as caught:
        load(root, "skip")
    assert caught.value.problems[0].code == "too-many-bad-images"


def test_a_run_logs_each_skipped_image_once_and_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run = folder(tmp_path / "data", broken=2), tmp_path / "run"
    options = [
        f"data={{use: folder, root: {root}}}",
        *TINY[2:],
        "phases.damsm={task: damsm, steps: 6, batch_size: 4}",
        "phases.gan.steps=3",
        "phases.gan.batch_size=4",
        "phases.gan.sample_every=0",
        "evaluation.metrics={attributes: null, retrieval: null}",
    ]
    assert attnforge(["train", "quickstart", *options, "--out", str(run)]) == 1
    assert "00.png" in (shown := capsys.readouterr().err) or "01.png" in shown
    options.append("training.on_bad_image=skip")
    run = tmp_path / "skipping"
    assert attnforge(["train", "quickstart", *options, "--out", str(run)]) == 0, capsys.readouterr().err
    events = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    skipped = [event["key"] for event in events if event["event"] == "image-skipped"]
    assert sorted(skipped) == ["00.png", "01.png"]
    counts = [event for event in events if event["event"] == "images-skipped"]
    assert [event["phase"] for event in counts] == ["damsm", "gan"]
    assert counts[0]["times"] >= 4
    assert "skipped 2 damaged images" in capsys.readouterr().err
