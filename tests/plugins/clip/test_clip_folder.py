"""Where CLIP's weights may lie, and what is said where they do not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from attnforge_clip.image import ClipImageEncoder
from safetensors.torch import load_file, save_file
from tiny_clip import PROJECTED, change_config

from attnforge.errors import RecipeError
from attnforge.specs import ImageSpec


def image_vector(weights: Path) -> torch.Tensor:
    encoder = ClipImageEncoder(ImageSpec(dim=PROJECTED, image_size=32), weights=str(weights))
    with torch.no_grad():
        return encoder(torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)).image


@pytest.fixture
def own(clip: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(clip, tmp_path / "own"))


def as_file(folder: Path) -> Path:
    return (folder / "model.safetensors").rename(folder / "mine.safetensors")


def as_pickle(folder: Path) -> Path:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def as_parts(folder: Path) -> Path:
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(state)
    halves = {"one.safetensors": names[::2], "two.safetensors": names[1::2]}
    for file, some in halves.items():
        save_file({name: state[name] for name in some}, folder / file)
    index = {"weight_map": {name: file for file, some in halves.items() for name in some}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


@pytest.mark.parametrize("arrange", [as_file, as_pickle, as_parts])
def test_weights_are_read_from_every_arrangement(
    clip: Path, own: Path, arrange: Callable[[Path], Path]
) -> None:
    assert torch.equal(image_vector(arrange(own)), image_vector(clip))


def test_no_weights_are_an_error_with_the_command_that_fetches_them(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        image_vector(tmp_path / "gone")
    [problem] = caught.value.problems
    assert problem.code == "clip-weights-missing"
    assert problem.next_step is not None
    assert problem.next_step.startswith("hf download ")
    assert str(tmp_path / "gone") in problem.next_step


def lose(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def lose_part(folder: Path) -> None:
    (as_parts(folder) / "two.safetensors").unlink()


@pytest.mark.parametrize("harm", [lose, lose_part])
def test_a_folder_without_its_file_is_an_error(own: Path, harm: Callable[[Path], None]) -> None:
    harm(own)
    with pytest.raises(RecipeError, match=r"clip-weights-missing[\s\S]*hf download"):
        image_vector(own)


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def be_something_else(folder: Path) -> None:
    change_config(folder, model_type="bert")


def have_no_sense(folder: Path) -> None:
    (folder / "config.json").write_text("[1]")


def have_sizes_of_another_kind(folder: Path) -> None:
    change_config(folder, vision_config__hidden_size="wide")


def be_wider(folder: Path) -> None:
    change_config(folder, vision_config__intermediate_size=48)


def lack_a_tensor(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    del state["visual_projection.weight"]
    save_file(state, folder / "model.safetensors")


class Harmful:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return print, ("this was run",)


def hold_code(folder: Path) -> None:
    as_pickle(folder)
    torch.save({"visual_projection.weight": Harmful()}, folder / "pytorch_model.bin")


def be_cut_parts(folder: Path) -> None:
    as_parts(folder)
    (folder / "model.safetensors.index.json").write_text("{}")


def name_another_folder(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.rename(folder.parent / "elsewhere.safetensors")
    index = {"weight_map": {"logit_scale": "../elsewhere.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    "harm",
    [
        name_another_folder,
        cut,
        be_something_else,
        have_no_sense,
        have_sizes_of_another_kind,
        be_wider,
        lack_a_tensor,
        hold_code,
        be_cut_parts,
    ],
)
def test_what_is_no_clip_is_an_error(
    own: Path, harm: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    harm(own)
    with pytest.raises(RecipeError, match=r"clip-weights-other[\s\S]*save_pretrained"):
        image_vector(own)
    assert "this was run" not in capsys.readouterr().out
