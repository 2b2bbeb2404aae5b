"""Other data than before is noticed, described, and found without reading whole files."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_run import TINY

from attnforge.cli import run as attnforge
from attnforge.data.captioned import CaptionedImages
from attnforge.data.fingerprint import CHUNK_BYTES, differences, fingerprint
from attnforge.data.images.stored import ImageFolder
from attnforge.data.reading.metadata import read_metadata
from attnforge.interfaces import Sample
from attnforge.recipe import resolve
from attnforge.specs import DataSpec

OLD_FINGERPRINT = {
    "count": "3",
    "names": "a9b6a6f08df94bd2b9b4f56449cdcbb2",
    "order": "2f661ef4b7c5a6c4803683ac2c891a65",
    "captions": "e9633197391f1aca844f70474baeaf36",
    "classes": "d360680781ee8c677ef0907d2a3cef9f",
    "images": "8e32c3bfa8e6d8c0bb798b6dd8dd1a4f",
}
CAPTIONS = ("a red bird", "a blue bird", "a green bird", "a yellow bird")


def folder(root: Path, count: int = 12) -> Path:
    """A folder of images with metadata."""
    root.mkdir()
    for number in range(count):
        pixels = np.full((72, 72, 3), 20 * number, dtype=np.uint8)
        pixels[::3, :, number % 3] = 255
        Image.fromarray(pixels).save(root / f"{number:02d}.png")
    write(root, rows(count))
    return root


def rows(count: int) -> list[dict[str, object]]:
    return [
        {
            "file_name": f"{number:02d}.png",
            "captions": [CAPTIONS[number % 4], CAPTIONS[(number + 1) % 4]],
            "class_id": number % 5,
            "split": "test" if number < 2 else "train",
        }
        for number in range(count)
    ]


def write(root: Path, entries: list[dict[str, object]]) -> None:
    (root / "metadata.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def of(root: Path) -> dict[str, str]:
    from attnforge_folder.dataset import Folder

    return fingerprint(Folder(DataSpec(split="train", image_size=16), root=str(root)))


def an_image_less(root: Path) -> None:
    write(root, rows(11))


def another_order(root: Path) -> None:
    entries = rows(12)
    write(root, [*entries[:2], *reversed(entries[2:])])


def other_pixels(root: Path) -> None:
    Image.fromarray(np.full((72, 72, 3), 7, dtype=np.uint8)).save(root / "05.png")


def captions_exchanged(root: Path) -> None:
    entries = rows(12)
    entries[3]["captions"], entries[4]["captions"] = entries[4]["captions"], entries[3]["captions"]
    write(root, entries)


def another_class(root: Path) -> None:
    entries = rows(12)
    entries[6]["class_id"] = 4
    write(root, entries)


def renamed(root: Path) -> None:
    (root / "07.png").rename(root / "renamed.png")
    entries = rows(12)
    entries[7]["file_name"] = "renamed.png"
    write(root, entries)


CHANGES: dict[Callable[[Path], None], str] = {
    an_image_less: "9 images instead of 10",
    another_order: "a different order of images",
    other_pixels: "different image contents",
    captions_exchanged: "different captions",
    another_class: "different classes",
    renamed: "different image names",
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_called_by_its_name(tmp_path: Path, change: Callable[[Path], None]) -> None:
    before = of(folder(tmp_path / "images"))
    assert of(tmp_path / "images") == before
    change(tmp_path / "images")
    assert differences(before, of(tmp_path / "images")) == [CHANGES[change]]
    assert differences({}, before) == []


def test_the_same_files_elsewhere_are_the_same_data(tmp_path: Path) -> None:
    before = of(folder(tmp_path / "images"))
    os.utime(tmp_path / "images/05.png", (1, 1))
    (tmp_path / "images").rename(tmp_path / "moved")
    assert of(tmp_path / "moved") == before


def test_data_that_is_drawn_has_a_fingerprint_of_what_it_draws() -> None:
    from attnforge.build import assemble

    spec = DataSpec(split="train", image_size=64)
    whole = fingerprint(assemble(resolve("quickstart", overrides=["data.count=12"])).data(spec))
    again = fingerprint(assemble(resolve("quickstart", overrides=["data.count=12"])).data(spec))
    assert whole == again
    fewer = fingerprint(assemble(resolve("quickstart", overrides=["data.count=11"])).data(spec))
    assert differences(whole, fewer) == ["11 images instead of 12"]


class Counted(io.BytesIO):
    """An image that notes how many bytes are read of it."""

    def __init__(self, reads: list[int]) -> None:
        super().__init__(bytes(600_000))
        self.reads = reads

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        self.reads.append(size)
        return super().read(size)


@dataclass
class CountedImages:
    """Images with names, of which `reads` notes the bytes that are read."""

    count: int
    reads: list[int] = field(default_factory=list)
    opened_images: list[int] = field(default_factory=list)
    name: str = "counted"

    def __len__(self) -> int:
        return self.count

    def key(self, index: int) -> str:
        return f"{index}.png"

    def captions(self, index: int) -> Sequence[str]:
        return CAPTIONS

    def class_id(self, index: int) -> int:
        return index % 20

    def sample(self, index: int, *, seed: int) -> Sample:
        raise AssertionError("no image is decoded")

    def stored(self, index: int) -> CountedImages:
        self.opened_images.append(index)
        return self

    def opened(self) -> Counted:
        return Counted(self.reads)


def test_of_each_file_only_some_bytes_are_read_and_once() -> None:
    data = CountedImages(200)
    assert fingerprint(data)["count"] == "200"
    assert data.opened_images == [*range(200)]
    assert data.reads == [CHUNK_BYTES] * 3 * 200


def test_of_very_many_files_some_at_equal_distances_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnforge.data.fingerprint.MAX_HASHED_IMAGES", 4)
    data = CountedImages(10)
    fingerprint(data)
    assert data.opened_images == [0, 2, 5, 7]


def test_fingerprints_of_checkpoints_stay_what_they_are(tmp_path: Path) -> None:
    """The digests that every earlier release computed of these names, captions, classes and bytes."""
    root = tmp_path / "images"
    root.mkdir()
    lines = []
    for number, caption in enumerate(('a "red" bird', "ein gr\u00fcner Vogel", "\U0001f426 b\\c")):
        (root / f"{number}.png").write_bytes(bytes([number]) * 9000)
        lines.append(json.dumps({"file_name": f"{number}.png", "captions": [caption, "x"], "split": "train"}))
    (root / "metadata.jsonl").write_text("\n".join(lines))
    data = CaptionedImages.__new__(CaptionedImages)  # without checking the files, which are no images
    data._metadata = read_metadata(root).usable()
    data._rows, data._indices = data._metadata.rows, np.arange(3)
    data._classes, data._store = np.arange(3), ImageFolder(root, data._rows.file_names)
    assert fingerprint(data) == OLD_FINGERPRINT


@pytest.mark.parametrize(
    "change", [an_image_less, another_order, captions_exchanged, another_class, other_pixels]
)
def test_a_run_is_not_resumed_on_other_data_unless_that_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], None]
) -> None:
    root, run = folder(tmp_path / "images"), tmp_path / "run"
    small = [one for one in TINY if not one.startswith(("data.", "phases."))]
    phases = [
        "phases.damsm={task: damsm, steps: 1, batch_size: 4}",
        "phases.gan.steps=1",
        "phases.gan.batch_size=4",
        "phases.gan.sample_every=0",
        "samples.captions=[a red bird]",
        "evaluation.metrics={attributes: null, retrieval: null}",
    ]
    data = f"data={{use: folder, root: {root}}}"
    file = tmp_path / "mine.yaml"
    file.write_text(f"extends: quickstart\ndata: {{use: folder, root: {root}, count: null}}\n")
    text = resolve("quickstart", overrides=[*small, *phases]).frozen()
    assert "sketch-birds" in text
    start, end = text.index("data:"), text.index("tokenizer:")
    file.write_text(text[:start] + data.replace("data=", "data: ") + "\n" + text[end : text.index("lock:")])
    assert attnforge(["train", str(file), "--out", str(run)]) == 0, capsys.readouterr().err
    change(root)
    capsys.readouterr()
    before = (run / "metrics.jsonl").read_bytes()
    code = attnforge(["train", "--resume", str(run), "phases.gan.steps=2", "--allow-changes"])
    shown = capsys.readouterr().err
    if change is other_pixels:  # as a damaged file that was mended has
        assert code == 0
        assert f"warning: the training data differs from that of checkpoint {run}" in shown
        assert CHANGES[change] in shown
        return
    assert code == 1
    assert "error[other-data]" in shown
    assert CHANGES[change] in shown
    assert (run / "metrics.jsonl").read_bytes() == before
    if change is an_image_less:
        return  # its words are missing in the vocabulary, which cannot be accepted
    accept = ["phases.gan.steps=2", "training.changed_data=accept", "--allow-changes"]
    assert attnforge(["train", "--resume", str(run), *accept]) == 0
    shown = capsys.readouterr().err
    assert "warning: the training data differs from that of checkpoint" in shown
    assert CHANGES[change] in shown
    assert attnforge(["train", "--resume", str(run), "phases.gan.steps=3", "--allow-changes"]) == 0
    assert "warning" not in capsys.readouterr().err
