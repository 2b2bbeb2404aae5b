"""Every component of attnforge's own distribution keeps the promises of its kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import known_kernels
import pytest
import small_releases
import torch
from attnforge_attngan.tokenizer import WordTokenizer
from attnforge_sketch_birds.dataset import SketchBirds
from torchvision.models import inception_v3  # type: ignore[import-untyped]

from attnforge.data.encoding import CaptionEncoder
from attnforge.plugin import load_plugins
from attnforge.specs import DataSpec, ImageSpec, MetricSpec, TextSpec
from attnforge.testing import conformance
from attnforge.testing.examples.images import ExampleImageEncoder
from attnforge.testing.examples.texts import ExampleTextEncoder

SIZE = 64


def own_images(folder: Path) -> dict[str, object]:
    lines = []
    for number in range(8):
        name, split = f"{number}.png", "test" if number > 5 else "train"
        small_releases.image(folder / name, colour=("navy", "red", "white")[number % 3])
        lines.append(json.dumps({"file_name": name, "captions": ["a bird", "one bird"], "split": split}))
    small_releases.write(folder / "metadata.jsonl", "\n".join(lines) + "\n")
    return {"root": str(folder)}


def birds(folder: Path) -> dict[str, object]:
    return {"root": str(small_releases.birds(folder))}


def photographs(folder: Path) -> dict[str, object]:
    for split, first in (("train", 1), ("test", 8)):
        captions = {f"{number:012d}.jpg": ["a bird", "a red bird"] for number in range(first, first + 2)}
        small_releases.photographs(folder, split, captions, first=first)
    return {"root": str(folder)}


def classifier(folder: Path) -> dict[str, object]:
    """Random weights of Inception-v3, with statistics of images, without which all images look the same."""
    torch.manual_seed(0)
    network = inception_v3(
        weights=None, aux_logits=False, transform_input=False, init_weights=False, num_classes=4, dropout=0.0
    )
    torch.nn.init.normal_(network.get_parameter("fc.weight"), std=3.0)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        network.train()(
            torch.rand(6, 3, 1, 1).expand(6, 3, 299, 299) * 2 - 1 + 0.1 * torch.randn(6, 3, 299, 299)
        )
    torch.save(network.state_dict(), folder / "weights.pth")
    return {"weights": str(folder / "weights.pth"), "splits": 3}


def sketch_birds() -> MetricSpec:
    """Images whose captions the grammar of the sketch birds can read."""
    data = SketchBirds(DataSpec(split="test", image_size=SIZE), test_count=12)
    tokenizer = WordTokenizer()
    tokenizer.fit([caption for index in range(len(data)) for caption in data.captions(index)])
    text = ExampleTextEncoder(TextSpec(vocabulary_size=tokenizer.vocabulary_size))
    return MetricSpec(
        encode=CaptionEncoder(text, tokenizer, torch.device("cpu")),
        image=ExampleImageEncoder(ImageSpec(dim=6, image_size=SIZE)),
        tokenizer=tokenizer,
        data=data,
    )


SMALL_RESNET = {"channels": [4, 8, 8, 8], "layers": [1, 1, 1, 1], "stem_width": 8}
SETTINGS: dict[str, Mapping[str, Any]] = {
    "stage/refine": {"options": {"attention": "word"}},
    "generator/multi-stage": {
        "options": {
            "conditioner": "augmentation",
            "stages": ["initial", {"use": "refine", "attention": "word"}],
            "base_size": 16,
            "channels": 4,
        }
    },
    "generator/rat-gan": {"options": {"image_size": 32, "channels": 2, "hidden": 7}},
    "generator/ssa-gan": {"options": {"image_size": 32, "channels": 2, "hidden": 7, "mask_channels": 3}},
    "generator/df-gan": {"options": {"image_size": 16, "channels": 4}},
    "image-encoder/timm": {"options": {"model_options": SMALL_RESNET}},
    "dataset/folder": {"options": own_images},
    "dataset/cub": {"options": birds},
    "dataset/coco": {"options": photographs},
    "metric/attribute-accuracy": {"spec": sketch_birds},
    "metric/r-precision": {"options": {"candidates": 3}},
    "metric/inception-score": {
        "options": classifier,
        "skip": {"image_order_invariance": "images are assigned to splits in the order in which they come"},
    },
}
"""What components need besides their defaults."""
LARGE = ("image-encoder/inception-v3", "metric/inception-score")
"""Components around a network that takes seconds to build and to run."""

COMPILED = ("attention/word", "text-encoder/bilstm")
"""Components that are compiled in every run; under the tests' checks of types that takes seconds each."""

PLUGINS = load_plugins()
OWN = [
    f"{component.kind}/{component.name}"
    for component in PLUGINS.registry
    if PLUGINS.owner(component).distribution == "attnforge"
]


def _class_name(name: str) -> str:
    return "Test" + "".join(word.capitalize() for word in name.replace("/", "-").split("-"))


for _kernel in known_kernels.CLASSES:
    globals()[_class_name(f"kernel/{_kernel}")] = conformance(
        f"kernel/{_kernel}", plugins=known_kernels.kernels_plugin()
    )

for _name in OWN:
    _tests = conformance(_name, **SETTINGS.get(_name, {}))
    if hasattr(_tests, "test_compile") and _name not in COMPILED:
        _tests.test_compile = pytest.mark.long(_tests.test_compile)
    globals()[_class_name(_name)] = pytest.mark.long(_tests) if _name in LARGE else _tests


def test_every_setting_belongs_to_a_component() -> None:
    assert set(SETTINGS) | set(LARGE) <= set(OWN)
    assert len({_class_name(name) for name in OWN}) == len(OWN)
