"""`attnforge embed` writes what a run's text encoder computes, and recipes train and sample with it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_widths import small

from attnforge.build.assemble import assemble
from attnforge.build.datasets import Datasets
from attnforge.cli import run as attnforge
from attnforge.data.embeddings import read_captions, read_embeddings, write_embeddings
from attnforge.data.encoding import encode_captions
from attnforge.errors import AttnforgeError, RecipeError
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.sampling.embedding import embed_file
from attnforge.sampling.pipeline import Pipeline
from attnforge.sampling.saved_parts import SavedParts
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import newest_checkpoint
from attnforge.train.progress import ConsoleReporter


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the joint embedding, two steps of it."""
    folder = tmp_path_factory.mktemp("encoders")
    recipe = resolve("reed-sketch-birds", overrides=small("reed-sketch-birds", folder))
    assert train(recipe, folder / "run", resume=False, reporter=ConsoleReporter()).finished
    return folder / "run"


@pytest.fixture(scope="module")
def captions(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """All captions of small data."""
    recipe = assemble(resolve("quickstart", overrides=["data.count=12", "data.test_count=6"]))
    splits = [Datasets(recipe.data).open(split, image_size=16) for split in ("train", "test")]
    return [caption for data in splits for index in range(len(data)) for caption in data.captions(index)]


def test_a_file_has_every_caption_once_with_the_run_s_sentence_vector(
    encoders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "captions.txt").write_text("a red bird\nA blue bird\na red  bird\n")
    arguments = ["embed", str(encoders), "--captions", str(tmp_path / "captions.txt")]
    assert attnforge([*arguments, "-o", str(tmp_path / "birds.npz")]) == 0
    assert "2 captions, vectors of width 8" in capsys.readouterr().out
    assert read_captions(tmp_path / "birds.npz") == ["a red bird", "A blue bird"]
    found = newest_checkpoint(encoders / "checkpoints", phases=["joint-embedding"]).checkpoint
    assert isinstance(found, Checkpoint)
    recipe = assemble(resolve(encoders / "recipe.lock.yaml"))
    parts = SavedParts(
        recipe, tokenizer=recipe.tokenizer(), device=torch.device("cpu"), checkpoint=found, warn=print
    )
    expected = encode_captions(
        parts.text, parts.tokenizer, ["a red bird", "A blue bird"], device=torch.device("cpu")
    )
    torch.testing.assert_close(read_embeddings(tmp_path / "birds.npz"), expected.sentence)


def test_a_recipe_trains_and_samples_with_a_file(encoders: Path, captions: list[str], tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_text("\n".join(captions))
    texts, vectors = embed_file(encoders, tmp_path / "captions.txt")
    file = tmp_path / "birds.npz"
    write_embeddings(file, texts, vectors)
    widths = small("df-gan-sketch-birds", tmp_path)
    overrides = [
        *(width for width in widths if not width.startswith(("text.", "phases.damsm"))),
        f"tokenizer={{use: caption, file: {file}}}",
        f"text={{use: precomputed, file: {file}}}",
        "phases.damsm=null",
        "image=null",
        "evaluation.metrics={attributes: null, retrieval: null}",
    ]
    recipe = resolve("df-gan-sketch-birds", overrides=overrides)
    assert train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter()).finished
    assert train(recipe, tmp_path / "run", resume=True, reporter=ConsoleReporter()).finished
    pipeline = Pipeline.load(tmp_path / "run")
    assert pipeline.generate([captions[0]])[0].images[-1].shape == (16, 16, 3)
    with pytest.raises(AttnforgeError) as raised:
        pipeline.generate(["a bird of no file"])
    assert [problem.code for problem in raised.value.problems] == ["caption-not-embedded"]
    write_embeddings(file, texts, vectors + 1)
    with pytest.raises(AttnforgeError) as raised:
        Pipeline.load(tmp_path / "run")
    assert [problem.code for problem in raised.value.problems] == ["embeddings-changed"]


def test_names_and_folders_are_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in ("birds.pt", "missing/birds.npz"):
        assert attnforge(["embed", "no-run", "--captions", "none", "-o", str(tmp_path / out)]) == 1
        assert "error[embeddings-not-written]" in capsys.readouterr().err


def test_more_images_in_a_batch_than_classes_are_refused_before_training(tmp_path: Path) -> None:
    overrides = [*small("reed-sketch-birds", tmp_path), "phases.joint-embedding.batch_size=13"]
    recipe = resolve("reed-sketch-birds", overrides=overrides, plugins=load_plugins())
    with pytest.raises(RecipeError) as raised:
        train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter())
    assert [problem.code for problem in raised.value.problems] == ["few-classes"]
    assert not (tmp_path / "run").exists()


def test_a_run_without_a_text_encoder_has_nothing_to_encode_with(
    encoders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.lock.yaml").write_text((encoders / "recipe.lock.yaml").read_text())
    out = tmp_path / "birds.npz"
    assert attnforge(["embed", str(tmp_path / "run"), "--captions", "none", "-o", str(out)]) == 1
    assert "error[no-text-encoder]" in capsys.readouterr().err
    assert not out.exists()
