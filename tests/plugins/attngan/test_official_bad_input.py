"""`attnforge import attngan` with files that cannot be right: each is said in words, and no run is left."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.official.exporting import official_generator as export_generator
from attnforge_attngan.official.importing import OfficialFiles
from attnforge_attngan.stages import InitialStage, RefineStage
from attnforge_gan.conditioning import Augmentation
from marked_parts import marked
from small_official import import_command, python_2_pickle, vocabulary
from torch import Tensor

from attnforge.cli import run as attnforge
from attnforge.specs import GeneratorSpec

Read = Callable[[str], dict[str, Tensor]]
Said = Callable[[OfficialFiles], str]


@pytest.fixture
def said(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """What the command says when it refuses."""

    def refuse(files: OfficialFiles) -> str:
        assert attnforge(import_command(files, recipe, tmp_path / "run")) == 1
        assert not (tmp_path / "run").exists()
        spoken = capsys.readouterr().err
        assert "Traceback" not in spoken
        return spoken

    return refuse


def official_generator(*, channels: int, residual_blocks: int) -> dict[str, Tensor]:
    """An official state dict of a generator of other widths."""
    refine = partial(RefineStage, attention=WordAttention, residual_blocks=residual_blocks)
    network = MultiStageGenerator(
        GeneratorSpec(words=16),
        conditioner=partial(Augmentation, dim=20),
        stages=[InitialStage, refine, refine],
        channels=channels,
        noise=12,
        base_size=64,
    )
    marked(network.conditioner, "conditioner", "augmentation")
    return export_generator(network, source=Path("run"))


def test_a_vocabulary_of_three_words_more(
    files: OfficialFiles, states: dict[str, dict[str, Tensor]], tmp_path: Path, said: Said
) -> None:
    torch.save({**states["text_encoder"], "encoder.weight": torch.zeros(5450, 300)}, tmp_path / "text.pth")
    (tmp_path / "captions.pickle").write_bytes(python_2_pickle(vocabulary([f"w{n}" for n in range(5452)])))
    spoken = said(replace(files, text_encoder=tmp_path / "text.pth", captions=tmp_path / "captions.pickle"))
    assert "error[vocabulary-size]" in spoken
    assert "5,450 words" in spoken
    assert "5,453" in spoken


def test_a_pickle_that_would_run_a_command(files: OfficialFiles, tmp_path: Path, said: Said) -> None:
    class Command:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    (tmp_path / "captions.pickle").write_bytes(pickle.dumps([*vocabulary()[:3], Command()], protocol=2))
    spoken = said(replace(files, captions=tmp_path / "captions.pickle"))
    assert "error[unsafe-pickle]" in spoken
    assert "posix.system" in spoken
    assert not (tmp_path / "ran").exists()


def test_files_that_are_not_weights(files: OfficialFiles, tmp_path: Path, said: Said) -> None:
    cut, archive, page, other = (tmp_path / name for name in ("cut.pth", "bird.zip", "page.pth", "all.pth"))
    cut.write_bytes(files.text_encoder.read_bytes()[:-100])
    with zipfile.ZipFile(archive, "w") as opened:
        opened.write(files.text_encoder, "bird/text_encoder200.pth")
    page.write_text("<!DOCTYPE html><html>Too many users have downloaded this file</html>")
    torch.save({"epoch": 3, "optimizer": {}}, other)
    for path, parts in {
        cut: ("unreadable-weights", "complete file"),
        archive: ("unreadable-weights", "a zip archive, but torch.save did not write it", f"unzip {archive}"),
        page: ("unreadable-weights", "a web page"),
        other: ("unreadable-weights", "no plain state dict, but epoch, optimizer"),
        tmp_path: ("unreadable-weights", "is a folder"),
        tmp_path / "nowhere.pth": ("no-weights", "there is no file", "nowhere.pth"),
    }.items():
        spoken = said(replace(files, text_encoder=path))
        assert all(part in spoken for part in (*parts, str(path))), spoken


def test_an_image_encoder_in_the_place_of_a_text_encoder(files: OfficialFiles, said: Said) -> None:
    spoken = said(replace(files, text_encoder=files.image_encoder))
    assert "error[unknown-official-name]" in spoken
    assert "this is an official image encoder" in spoken
    assert "of the text encoder" in spoken


def test_a_generator_of_other_widths_says_which_recipe_fits(
    files: OfficialFiles, tmp_path: Path, said: Said
) -> None:
    torch.save(official_generator(channels=12, residual_blocks=3), tmp_path / "coco_AttnGAN2.pth")
    spoken = said(replace(files, generator=tmp_path / "coco_AttnGAN2.pth"))
    assert "error[other-checkpoint]" in spoken
    assert "generator.channels=12" in spoken
    assert "3 stages, 3 residual_blocks in each" in spoken
    assert "h_net2.residual.2.block.0.weight" in spoken
    assert "h_net1.fc.0.weight (6144 x 32, in the recipe 4096 x 32)" in spoken


def test_a_generator_of_one_image_for_a_recipe_of_three(
    files: OfficialFiles, official_weights: Read, tmp_path: Path, said: Said
) -> None:
    torch.save(official_weights("generator_attndcgan"), tmp_path / "bird_AttnDCGAN2.pth")
    spoken = said(replace(files, generator=tmp_path / "bird_AttnDCGAN2.pth"))
    assert "error[other-checkpoint]" in spoken
    assert "generator.images=last-stage" in spoken
    assert "0 residual_blocks" in spoken
    assert "missing from the file" in spoken


def test_a_gru_for_a_recipe_with_an_lstm(
    files: OfficialFiles, official_weights: Read, tmp_path: Path, said: Said
) -> None:
    torch.save(official_weights("text_encoder_GRU"), tmp_path / "text.pth")
    assert "text.use=bigru, text.dim=16, text.embedding=300" in said(
        replace(files, text_encoder=tmp_path / "text.pth")
    )


@pytest.mark.parametrize("missing", ["generator", "text_encoder", "image_encoder", "captions"])
def test_a_file_that_is_not_there(files: OfficialFiles, tmp_path: Path, said: Said, missing: str) -> None:
    nowhere: dict[str, Any] = {missing: tmp_path / "nowhere"}
    spoken = said(replace(files, **nowhere))
    assert "there is no file" in spoken
    assert str(tmp_path / "nowhere") in spoken


def test_too_few_discriminators(
    files: OfficialFiles, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        *import_command(files, recipe, tmp_path / "run"),
        "--discriminator",
        str(files.discriminators[0]),
    ]
    assert attnforge(command) == 1
    assert "the recipe has 3 discriminators, not 1" in capsys.readouterr().err


def test_wrappers_around_a_state_dict_are_stripped(
    files: OfficialFiles, states: dict[str, dict[str, Tensor]], recipe: Path, tmp_path: Path
) -> None:
    parallel = {
        f"module.{name}": one for name, one in states["generator"].items() if "num_batches" not in name
    }
    torch.save({"model": {"netG": parallel, "netD": {}}, "epoch": 12}, tmp_path / "generator.pth")
    torch.save({"state_dict": states["text_encoder"], "epoch": 12}, tmp_path / "text.pth")
    given = replace(files, generator=tmp_path / "generator.pth", text_encoder=tmp_path / "text.pth")
    assert attnforge(import_command(given, recipe, tmp_path / "run")) == 0
    assert attnforge(["export", "attngan", str(tmp_path / "run"), "-o", str(tmp_path / "out")]) == 0
    for file, name in (("netG_epoch_0", "generator"), ("text_encoder0", "text_encoder")):
        written = torch.load(tmp_path / f"out/{file}.pth", weights_only=True)
        assert written.keys() == states[name].keys()
        assert all(torch.equal(value, states[name][key]) for key, value in written.items())
