"""No option of a recipe opens a door to files that run, to the network, or to what is no file."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from attnforge_attngan.image_timm import TimmEncoder
from attnforge_attngan.tokenizer import WordTokenizer
from attnforge_coco.release import read_release
from torch import nn

from attnforge.errors import DataError, RecipeError
from attnforge.specs import ImageSpec
from attnforge.storage.weight_files import load_weights

SPEC = ImageSpec(dim=8, image_size=64)


class Payload:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize(
    "option",
    [
        "checkpoint_path",
        "pretrained",
        "pretrained_cfg",
        "pretrained_cfg_overlay",
        "pretrained_strict",
        "cache_dir",
        "model_name",
        "pretrained_custom_load",
        "checkpoint_file",
    ],
)
def test_an_option_that_loads_is_refused_before_anything_is_read(option: str, tmp_path: Path) -> None:
    trace, file = tmp_path / "ran", tmp_path / "x.pth"
    file.write_bytes(pickle.dumps(Payload(trace)))
    with pytest.raises(RecipeError) as caught:
        TimmEncoder(SPEC, model="resnet10t", model_options={option: str(file)})
    (problem,) = caught.value.problems
    assert problem.code == "loading-options"
    assert option in problem.message
    assert not trace.exists()


@pytest.mark.parametrize("model", ["hf-hub:timm/resnet18", "hf_hub:timm/resnet18", "local-dir:/tmp/x"])
def test_a_model_s_name_is_no_address(model: str) -> None:
    with pytest.raises(RecipeError) as caught:
        TimmEncoder(SPEC, model=model)
    assert caught.value.problems[0].code == "unknown-model"


def test_options_of_the_network_still_reach_it() -> None:
    options = {"channels": [8, 8, 16, 16], "stem_width": 8, "drop_path_rate": 0.1}
    encoder = TimmEncoder(SPEC, model="resnet10t", model_options=options)
    assert sum(weight.numel() for weight in encoder.network.parameters()) < 100_000


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no such device")
def test_a_device_is_no_file_of_weights_or_words() -> None:
    """Reading one would never end."""
    with pytest.raises(RecipeError) as caught:
        load_weights(nn.Linear(1, 1), "/dev/zero")
    assert caught.value.problems[0].code == "unreadable-weights"
    with pytest.raises(DataError) as of_words:
        WordTokenizer(vocabulary="/dev/zero").fit(["a bird"])
    assert of_words.value.problems[0].code == "no-vocabulary"


@pytest.mark.parametrize("name", ["../captions.json", "/etc/hostname", "annotations/../../captions.json"])
def test_annotations_lie_below_their_folder(name: str, tmp_path: Path) -> None:
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    (tmp_path / "captions.json").write_text('{"images": [], "annotations": []}')
    problems = read_release(root, train=name, test=name).problems
    assert {problem.code for problem in problems} == {"file-outside"}
