"""No option of a recipe makes timm load a file or fetch weights: it reads some files as programs."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from attnforge_attngan.image_timm import TimmEncoder

from attnforge.errors import RecipeError
from attnforge.specs import ImageSpec

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
