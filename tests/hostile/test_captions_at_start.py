"""Captions that a vocabulary cannot read, and classes that leave nothing to learn, are told before a step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from attnforge_attngan.tasks.matching import MatchingTask
from attnforge_attngan.tokenizer import WordTokenizer
from attnforge_folder.dataset import Folder
from PIL import Image
from tiny_run import TINY

from attnforge.build.datasets import Datasets
from attnforge.cli import run as attnforge
from attnforge.data import captioned
from attnforge.data.encoding import UnknownWords, refuse_unreadable_images
from attnforge.data.reading import metadata
from attnforge.errors import AttnforgeError, DataError
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.run.training import train
from attnforge.specs import DataSpec, TaskSpec

RARE = "a strawberry"


class Lines:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def warning(self, text: str) -> None:
        self.lines.append(text)

    def phase(self, name: str, *, start: int, steps: int) -> Any:
        raise Reached


class Reached(Exception):
    """Training was about to begin."""


def folder(root: Path, *, captions: dict[str, str] | None = None, **fields: Any) -> Path:
    root.mkdir(exist_ok=True)
    noise = np.random.default_rng(0)
    lines = []
    for number in range(12):
        name = f"{number}.png"
        Image.fromarray(noise.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(root / name)
        caption = (captions or {}).get(name, "a red bird with blue wings")
        split = "test" if number > 8 else "train"
        lines.append({"file_name": name, "text": caption, "split": split, **fields})
    (root / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return root


def recipe(root: Path, *overrides: str) -> ResolvedRecipe:
    small = [one for one in TINY if not one.startswith("data.")]
    return resolve("quickstart-folder", overrides=[*small, f"data.root={root}", *overrides])


def start(root: Path, tmp_path: Path, *overrides: str) -> Lines:
    """Everything that is told before the first step."""
    told = Lines()
    with pytest.raises(Reached):
        train(recipe(root, *overrides), tmp_path / "run", resume=False, reporter=told)
    return told


def refusal(root: Path, tmp_path: Path, *overrides: str) -> str:
    """The code of what ends a training that measures nothing before it begins."""
    unmeasured = "evaluation.metrics={retrieval: null}"
    with pytest.raises(AttnforgeError) as caught:
        train(recipe(root, unmeasured, *overrides), tmp_path / "run", resume=False, reporter=Lines())
    return caught.value.problems[0].code


def test_unknown_words_are_told_and_logged_where_they_matter(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", captions={"3.png": RARE, "10.png": "a plum"})
    told = start(root, tmp_path, "tokenizer.min_count=2", f"samples.captions=[{RARE}, a red bird]")
    warnings = [line for line in told.lines if line.startswith("warning:")]
    assert any("training" in line and "'strawberry' (1)" in line for line in warnings)
    assert any("samples" in line and "'strawberry' (1)" in line for line in warnings)
    assert any("evaluation" in line and "'plum'" in line for line in warnings)
    events = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    logged = {event["where"]: event["words"] for event in events if event["event"] == "unknown-words"}
    assert logged["training"] == {"strawberry": 1}


def test_nothing_is_told_where_every_word_is_known(tmp_path: Path) -> None:
    told = start(folder(tmp_path / "data"), tmp_path)
    assert not any("warning" in line and "training image" not in line for line in told.lines)


def test_an_image_of_emoji_alone_ends_training_before_it_begins(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", captions={"3.png": "👍", "4.png": "..."})
    assert refusal(root, tmp_path) == "unknown-words"
    assert not (tmp_path / "run").exists()


def test_an_unknown_caption_of_samples_ends_training_before_it_begins(tmp_path: Path) -> None:
    root = folder(tmp_path / "data")
    assert refusal(root, tmp_path, "samples.captions=[zebra crossing]") == "caption-unknown"
    assert not (tmp_path / "run").exists()


def test_a_folder_of_one_split_ends_training_before_it_begins(tmp_path: Path) -> None:
    root = folder(tmp_path / "data")
    text = (root / "metadata.jsonl").read_text().replace('"test"', '"train"')
    (root / "metadata.jsonl").write_text(text)
    assert refusal(root, tmp_path) == "empty-split"
    assert not (tmp_path / "run").exists()


def test_a_single_class_is_refused_where_it_leaves_nothing_to_learn(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", class_id=3)
    assert refusal(root, tmp_path, "phases.damsm.task={mask_same_class: true}") == "single-class"


def test_a_single_class_is_told_where_something_is_left(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", class_id=3)
    told = start(root, tmp_path, "phases.damsm.task={mask_same_class: false}")
    assert any("one class" in line for line in told.lines)


def test_the_task_itself_refuses_a_single_class() -> None:
    nothing = cast("Any", None)
    with pytest.raises(DataError) as caught:
        MatchingTask(TaskSpec(text=nothing, image=nothing, classes=1))
    assert caught.value.problems[0].code == "single-class"


def test_many_unreadable_images_are_one_problem(tmp_path: Path) -> None:
    names = {f"{number}.png": "👍" for number in range(1, 9)}
    data = Folder(DataSpec(split="train", image_size=64), root=str(folder(tmp_path / "data", captions=names)))
    tokenizer = WordTokenizer()
    tokenizer.fit(["a red bird with blue wings"])
    with pytest.raises(DataError, match="8 of 9 images") as caught:
        refuse_unreadable_images(tokenizer, data)
    assert len(caught.value.problems) == 1


def test_unknown_words_are_counted() -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(["a red bird"])
    unknown = UnknownWords.of(tokenizer, ["a plum", "a red plum or fig", "a bird"])
    assert (dict(unknown.words), unknown.captions, unknown.total) == ({"plum": 2, "fig": 1, "or": 1}, 2, 3)
    assert "2 of 3 captions" in str(unknown)
    assert not UnknownWords.of(tokenizer, ["a bird"])


def test_metadata_is_read_and_images_are_looked_at_once_for_all_splits_and_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, read, looked = folder(tmp_path / "data"), [], []
    records, look = metadata.read_records, captioned.inspect_header
    monkeypatch.setattr(metadata, "read_records", lambda *given: read.append(1) or records(*given))
    monkeypatch.setattr(
        captioned, "inspect_header", lambda *given, **named: looked.append(1) or look(*given, **named)
    )
    datasets = Datasets(lambda spec: Folder(spec, root=str(root)))
    train_64, train_32 = datasets.of_any_size("train"), datasets.open("train", image_size=32)
    test = datasets.open("test", image_size=32)
    assert (len(read), len(looked)) == (1, 12)
    assert (len(train_64), len(train_32), len(test)) == (9, 9, 3)
    assert train_32.sample(0, seed=1).image.shape == (3, 32, 32)
    assert train_64.sample(0, seed=1).image.shape == (3, 64, 64)
    fresh = Folder(DataSpec(split="test", image_size=32), root=str(root))
    assert (test.sample(1, seed=5).image == fresh.sample(1, seed=5).image).all()
    assert test.class_id(0) == fresh.class_id(0)
    assert datasets.open("test", image_size=32) is test


@pytest.mark.parametrize("name", ["captions.txt", "-"])
def test_a_file_of_captions_is_no_caption(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("captions.txt").write_text("a red bird\n")
    assert attnforge(["sample", "runs/mine", name]) == 1
    shown = capsys.readouterr().err
    assert "error[captions-in-a-file]" in shown
    assert "attnforge sample runs/mine --captions" in shown
