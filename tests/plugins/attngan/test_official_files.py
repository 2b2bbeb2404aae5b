"""Official checkpoints in and out: the official numbers afterwards, the same files, and nothing run."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from attnforge_attngan.official.exporting import export_official
from attnforge_attngan.official.importing import OfficialFiles, import_official
from attnforge_attngan.official.vocabulary import read_captions
from safetensors.torch import load_file
from small_official import WORDS, import_command, vocabulary
from torch import Tensor

from attnforge.cli import run as attnforge
from attnforge.errors import AttnforgeError
from attnforge.interfaces import TextFeatures
from attnforge.sampling.pipeline import Pipeline
from attnforge.storage.weight_files import read_state

Read = Callable[[str], dict[str, Tensor]]
close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-4)


def codes(error: pytest.ExceptionInfo[AttnforgeError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_an_imported_run_gives_the_official_numbers(imported: Path, golden: Read) -> None:
    pipeline = Pipeline.load(imported, device="cpu")
    with torch.no_grad():
        expected = golden("text_encoder_lstm")
        text = pipeline.parts.text(expected["captions"], expected["lengths"])
        close(text.words[:, :, : expected["words"].shape[2]], expected["words"])
        close(text.sentence, expected["sentence"])
        expected = golden("image_encoder")
        image = pipeline.parts.image(expected["image"])
        close(image.regions, expected["regions"])
        close(image.image, expected["code"])
        expected = golden("generator_attngan_eval")
        generator: Any = pipeline.generator
        generator.conditioner.draw = lambda mean, logvar: mean + (0.5 * logvar).exp() * expected["eps"]
        features = TextFeatures(expected["words"], expected["sentence"], torch.zeros(3, 6, dtype=torch.bool))
        drawn = generator(expected["noise"], features)
    close(drawn.images[2][..., ::4, ::4], expected["image2_every4"])
    for index, image in enumerate(drawn.images):
        close(image.mean(dim=(2, 3)), expected[f"image{index}_mean"])


def test_the_word_ids_are_the_official_ones(imported: Path, files: OfficialFiles) -> None:
    tokenizer = Pipeline.load(imported, device="cpu").parts.tokenizer
    assert tokenizer.encode("A red bird, with RED wings") == [3, 4, 2, 9, 4, 5]
    assert tokenizer.vocabulary_size == 60
    captions = json.loads((imported / "samples/captions.json").read_text())
    assert [one["caption"] for one in captions] == ["a red bird", "the bird is blue"]
    assert read_captions(files.captions).words == tuple(WORDS)


def test_a_round_trip_gives_the_same_files(
    imported: Path, states: dict[str, dict[str, Tensor]], tmp_path: Path
) -> None:
    export_official(imported, tmp_path / "out", discriminators=True)
    names = {"generator": "netG_epoch_0", "text_encoder": "text_encoder0", "image_encoder": "image_encoder0"}
    for file, state in states.items():
        path = tmp_path / "out" / f"{names.get(file, file)}.pth"
        written = torch.load(path, weights_only=True)
        assert list(written) == list(state)
        for name, value in state.items():
            assert written[name].shape == value.shape, name
            assert torch.equal(written[name], value), name
    content = pickle.loads((tmp_path / "out/captions.pickle").read_bytes())
    assert content[2:] == vocabulary(WORDS)[2:]
    with pytest.raises(AttnforgeError) as error:
        export_official(imported, tmp_path / "out")
    assert codes(error) == ["export-exists"]


def test_a_folder_that_cannot_be_made_is_said(imported: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AttnforgeError) as error:
        export_official(imported, tmp_path / "file" / "out")
    assert codes(error) == ["export-not-written"]


def test_a_recipe_that_trains_no_generator_takes_no_official_files(
    files: OfficialFiles, recipe: Path, tmp_path: Path
) -> None:
    with pytest.raises(AttnforgeError) as error:
        import_official(files, tmp_path / "run", recipe=recipe, overrides=["phases.gan=null"])
    assert codes(error) == ["not-attngan"]


@pytest.mark.filterwarnings("error:the image encoder")
def test_the_commands_take_an_imported_run(
    files: OfficialFiles, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert attnforge(import_command(files, recipe, out)) == 0
    assert "train new ones" in capsys.readouterr().out
    assert attnforge(["sample", str(out), "a red bird", "-n", "1"]) == 0
    assert attnforge(["report", str(out)]) == 0
    assert attnforge(["train", str(out), "--resume"]) == 0
    trained = load_file(out / "checkpoints/gan-0000001/generator.safetensors")
    before = load_file(out / "checkpoints/gan-0000000/generator.safetensors")
    assert trained.keys() == before.keys()
    assert not torch.equal(trained["heads.0.convolution.weight"], before["heads.0.convolution.weight"])
    assert attnforge(["export", "attngan", str(out), "-o", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again/netG_epoch_0.pth").exists()
    capsys.readouterr()
    assert attnforge(import_command(files, recipe, out)) == 1
    assert "run-exists" in capsys.readouterr().err


class Canary:
    """Asks to be unpickled by running a command."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def test_code_in_a_file_is_refused_and_not_run(
    files: OfficialFiles, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    canary, evil = tmp_path / "canary", tmp_path / "evil"
    evil.write_bytes(pickle.dumps([*vocabulary(WORDS)[:3], Canary(canary)], protocol=2))
    assert attnforge(import_command(replace(files, captions=evil), recipe, tmp_path / "run")) == 1
    assert "posix.system" in capsys.readouterr().err
    torch.save({"encoder.weight": Canary(canary)}, evil)
    assert attnforge(import_command(replace(files, text_encoder=evil), recipe, tmp_path / "run")) == 1
    assert "unreadable-weights" in capsys.readouterr().err
    assert not canary.exists()
    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("zipped", [False, True])
def test_a_checkpoint_that_is_cut_short_or_damaged_is_said(tmp_path: Path, zipped: bool) -> None:
    path, random = tmp_path / "cut.pth", Random(7)
    torch.save(
        {"encoder.weight": torch.ones(6, 3), "rnn.weight_ih_l0": torch.ones(4)},
        path,
        _use_new_zipfile_serialization=zipped,
    )
    whole = path.read_bytes()
    damaged = [whole[:length] for length in range(0, len(whole) - 1, 7)]
    for _ in range(300):
        spoiled = bytearray(whole)
        for _ in range(3):
            spoiled[random.randrange(len(whole))] = random.randrange(256)
        damaged.append(bytes(spoiled))
    said = []
    for content in damaged:
        path.write_bytes(content)
        try:
            read_state(str(path))  # damage within the numbers themselves goes unseen
        except AttnforgeError as error:
            said.append(error)
    assert len(said) >= len(whole) // 7
    assert {problem.code for error in said for problem in error.problems} == {"unreadable-weights"}
    assert all("cut.pth" in str(error) for error in said)


def test_a_truncated_checkpoint_leaves_no_run(files: OfficialFiles, recipe: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pth"
    cut.write_bytes(files.text_encoder.read_bytes()[:-10])
    with pytest.raises(AttnforgeError) as error:
        import_official(replace(files, text_encoder=cut), tmp_path / "run", recipe=recipe)
    assert codes(error) == ["unreadable-weights"]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"generator": "text_encoder"}, "unknown-official-name", "official text encoder"),
        ({"image_encoder": "generator"}, "unknown-official-name", "official generator"),
        ({"text_encoder": "captions"}, "unreadable-weights", "captions.pickle"),
        ({"captions": "text_encoder"}, "other-pickle", "not a list of four"),
    ],
)
def test_a_wrong_file_is_reported(
    files: OfficialFiles, recipe: Path, tmp_path: Path, change: dict[str, str], code: str, said: str
) -> None:
    wrong = replace(files, **{name: getattr(files, other) for name, other in change.items()})
    with pytest.raises(AttnforgeError) as error:
        import_official(wrong, tmp_path / "run", recipe=recipe)
    assert codes(error) == [code]
    assert said in str(error.value)
    assert not (tmp_path / "run").exists()


def test_another_vocabulary_is_an_error_with_both_numbers(
    files: OfficialFiles, recipe: Path, tmp_path: Path
) -> None:
    path = tmp_path / "captions.pickle"
    path.write_bytes(pickle.dumps(vocabulary([*WORDS, "one", "two", "three"]), protocol=2))
    with pytest.raises(AttnforgeError) as error:
        import_official(replace(files, captions=path), tmp_path / "run", recipe=recipe)
    assert codes(error) == ["vocabulary-size"]
    assert "60 words" in str(error.value)
    assert "has 63" in str(error.value)


def test_a_run_without_official_counterpart_is_not_exported(trained_otherwise: Path, tmp_path: Path) -> None:
    with pytest.raises(AttnforgeError) as error:
        export_official(trained_otherwise, tmp_path / "out")
    assert codes(error) == ["no-official-counterpart"]
    assert not (tmp_path / "out").exists()


@pytest.fixture
def trained_otherwise(tmp_path: Path) -> Path:
    from tiny_run import train_tiny

    unmeasured = "evaluation.metrics={attributes: null, retrieval: null}"
    short = ("phases.damsm.steps=1", "phases.gan.steps=1", "phases.gan.sample_every=0")
    return train_tiny(tmp_path / "other", unmeasured, *short).run.path
