"""Every component of attnforge's own distribution keeps the promises of its kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gawwn_settings
import known_kernels
import modern_settings
import pytest
import small_releases
import timm
import torch
from attnforge_gan.conditioning import Sentence
from attnforge_stackgan.first import FirstStage
from attnforge_stackgan.second import SecondStage
from metric_specs import birds_with_few_captions, shared_captions, sketch_birds
from small_networks import dinov2_options, lpips_options
from torchvision.models import inception_v3  # type: ignore[import-untyped]

from attnforge.data.embeddings import write_embeddings
from attnforge.data.reading.stored_metadata import read_stored
from attnforge.data.shards.writing import write_shards
from attnforge.plugin import load_plugins
from attnforge.specs import DiscriminatorSpec, GeneratorSpec, LossSpec, TaskSpec
from attnforge.testing import conformance
from attnforge.testing.checks import declaration, plugin_module
from attnforge.testing.checks import tokenizer as tokenizer_checks
from attnforge.testing.examples import spec_for
from attnforge.testing.examples.steps import VOCABULARY


def own_images(folder: Path) -> dict[str, object]:
    lines = []
    for number in range(8):
        name, split = f"{number}.png", "test" if number > 5 else "train"
        small_releases.image(folder / name, colour=("navy", "red", "white")[number % 3])
        lines.append(json.dumps({"file_name": name, "captions": ["a bird", "one bird"], "split": split}))
    small_releases.write(folder / "metadata.jsonl", "\n".join(lines) + "\n")
    return {"root": str(folder)}


def bare_images(folder: Path) -> dict[str, object]:
    own_images(folder)
    return {"root": str(folder)}


def own_shards(folder: Path) -> dict[str, object]:
    own_images(folder / "images")
    list(write_shards(*read_stored(folder / "images"), folder / "shards", images_per_shard=3))
    return {"root": str(folder / "shards")}


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
    return {"weights": str(folder / "weights.pth")}


def scored_by_classes(folder: Path) -> dict[str, object]:
    return {"network": {"use": "inception-v3", **classifier(folder)}, "splits": 3}


def small_classifier(folder: Path) -> dict[str, object]:
    options = {"model": "resnet10t", "model_options": SMALL_RESNET}
    torch.save(timm.create_model("resnet10t", num_classes=4, **SMALL_RESNET).state_dict(), folder / "w.pth")
    return {"weights": str(folder / "w.pth"), "unit": 1, **options}


def embeddings_of(captions: Sequence[str], folder: Path) -> Path:
    vectors = torch.randn(len(captions), 5, generator=torch.Generator().manual_seed(1))
    write_embeddings(folder / "captions.npz", captions, vectors)
    return folder / "captions.npz"


def embedded_captions(folder: Path) -> dict[str, object]:
    captions = (*tokenizer_checks.CAPTIONS, *tokenizer_checks.OTHER_CAPTIONS)
    return {"file": str(embeddings_of(captions, folder))}


def embedded_vocabulary(folder: Path) -> dict[str, object]:
    return {"file": str(embeddings_of([f"caption {number}" for number in range(VOCABULARY - 1)], folder))}


def embedded_for_the_options(folder: Path) -> dict[str, object]:
    """The file of the tested component's own options."""
    return {"file": str(folder.with_name("files") / "captions.npz")}


FIRST_STAGE = {"conditioner": "augmentation", "image_size": 16, "channels": 4}
SECOND_STAGE = {
    "conditioner": "augmentation",
    "first": {"use": "stackgan-first", **FIRST_STAGE, "image_size": 8},
    "channels": 16,
    "residual_blocks": 1,
}


def two_stages() -> TaskSpec:
    """Parts whose generator has a first stage."""
    spec: TaskSpec = spec_for("task", Path())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        first = partial(FirstStage, conditioner=Sentence, image_size=16, channels=4)
        generator = SecondStage(
            GeneratorSpec(words=spec.text.dim), conditioner=Sentence, first=first, channels=4
        )
    return replace(spec, generator=generator)


SMALL_RESNET = {"channels": [4, 8, 8, 8], "layers": [1, 1, 1, 1], "stem_width": 8}
EXAMPLE_NETWORK = {"network": "conformance-example"}
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
    "generator/r3gan": {"options": {"channels": [8, 8, 4], "group_channels": 4}},
    "discriminator/r3gan": {"options": {"channels": [8, 8, 8, 8, 4], "group_channels": 4}},
    "generator/rat-gan": {"options": {"image_size": 32, "channels": 2, "hidden": 7}},
    "generator/ssa-gan": {"options": {"image_size": 32, "channels": 2, "hidden": 7, "mask_channels": 3}},
    "generator/gan-int-cls": {"options": {"channels": 2, "text": 5, "noise": 7}},
    "discriminator/gan-int-cls": {
        "options": {"channels": 2, "text": 5},
        "spec": DiscriminatorSpec(image_size=64, sentence=6),
    },
    **gawwn_settings.SETTINGS,
    "generator/stackgan-first": {"options": FIRST_STAGE},
    "generator/stackgan-second": {
        "options": SECOND_STAGE,
        "recipe": {"pretrained": {"generator.first": "runs/first"}},
    },
    "task/stackgan-first": {
        "spec": two_stages,
        "options": {"discriminator": {"use": "joint", "channels": 4, "unconditional": False}},
    },
    **modern_settings.SETTINGS,
    "generator/df-gan": {"options": {"image_size": 16, "channels": 4}},
    "image-encoder/timm": {"options": {"model_options": SMALL_RESNET}},
    "tokenizer/caption": {
        "options": embedded_captions,
        "recipe": lambda folder: {"text": {"use": "precomputed", **embedded_for_the_options(folder)}},
    },
    "text-encoder/precomputed": {
        "options": embedded_vocabulary,
        "recipe": lambda folder: {"tokenizer": {"use": "caption", **embedded_for_the_options(folder)}},
    },
    "dataset/folder": {"options": own_images},
    "dataset/shards": {"options": own_shards},
    "conditioner/none": {"skip": {"depends_on_sentence": "it ignores the sentence"}},
    "dataset/images": {"options": bare_images},
    "dataset/cub": {"options": birds},
    "dataset/coco": {"options": photographs},
    "sampler/best-of": {"options": {"scorer": "damsm", "images": 3}},
    "sampler/plug-and-play": {"options": {"steps": 2}},
    "scorer/classifier": {"options": small_classifier, "skip": {"depends_on_caption": "a class is none"}},
    "task/denoiser": {
        "options": {"encoder": {"use": "timm", "model_options": SMALL_RESNET}},
        "recipe": {"pretrained": {"generator": "runs/first"}},
    },
    "metric/attribute-accuracy": {"spec": sketch_birds},
    "metric/r-precision": {"options": {"candidates": 3}},
    "metric/inception-score": {"options": EXAMPLE_NETWORK},
    "metric/caption-diversity": {"options": EXAMPLE_NETWORK, "spec": shared_captions},
    "metric/head-count": {"spec": sketch_birds},
    "metric/attribute-diversity": {"spec": birds_with_few_captions},
    "metric/nearest-class": {"options": EXAMPLE_NETWORK},
    **{
        f"metric/{name}": {"options": EXAMPLE_NETWORK}
        for name in ("frechet-distance", "kernel-distance", "mind", "precision-recall", "leakage")
    },
    "feature-network/inception-v3": {"options": classifier},
    "feature-network/timm": {"options": dinov2_options},
    "feature-network/lpips": {"options": lpips_options},
}
"""What components need besides their defaults."""
MULTI_STAGE = SETTINGS["generator/multi-stage"]["options"]
ONE_WAY = LossSpec(
    words=6,
    vocabulary_size=20,
    image_sizes=(16,),
    unconditional=False,
    extras={"box": (4,)},
    image_encoder=False,
)
"""For losses that train one-way discriminators, of a generator that draws no condition."""
MISMATCHES = ("circular", "other-class", "all", "none")
SMALL_TRANSFORMER = {"dim": 8, "layers": 1, "heads": 2}
VARIANTS: dict[str, dict[str, Mapping[str, Any]]] = {
    "tokenizer/character": {
        "extra": {"extra": "éß"},
        "blank": {"unknown": "blank"},
    },
    "tokenizer/sentencepiece": {"unigram": {"model": "unigram"}},
    "tokenizer/word": {"ascii": {"letters": "ascii"}, "max size": {"max_size": 4000}},
    "text-encoder/bigru": {"mean": {"sentence": "mean", "dropout": 0.0}},
    "text-encoder/bilstm": {"mean": {"sentence": "mean", "dropout": 0.0}},
    "text-encoder/char-cnn-rnn": {
        "small": {"dim": 8, "channels": [4, 6, 8], "characters": 150},
        "plain": {"dim": 8, "channels": [4, 6, 8], "recurrence": "rnn", "shorter": True},
    },
    "text-encoder/transformer": {
        "learned": {**SMALL_TRANSFORMER, "positions": "learned"},
        "first": {**SMALL_TRANSFORMER, "sentence": "first", "dropout": 0.0, "feedforward": 5},
    },
    "image-encoder/timm": {"early": {"model_options": SMALL_RESNET, "stage": 1}},
    "image-encoder/inception-v3": {"adapted": {"align_corners": False, "statistics": "adapt"}},
    "conditioner/augmentation": {"narrow": {"dim": 1}, "relu": {"gate": "relu"}},
    "attention/word": {"reference": {"kernel": "reference"}},
    "stage/refine": {
        "plain": {"attention": "word", "residual_blocks": 0},
        "noise": {"attention": "word", "noise": True},
    },
    "generator/multi-stage": {
        "last stage": {**MULTI_STAGE, "images": "last-stage", "mirror": True},
        "synchronised": {**MULTI_STAGE, "norm": "synchronised"},
        "sentence": {
            **MULTI_STAGE,
            "conditioner": "sentence",
            "stages": ["initial"],
            "noise": 3,
            "binary_noise": 1,
            "normalise_noise": True,
        },
    },
    "generator/stackgan-second": {"official": {**SECOND_STAGE, "first_mode": "training"}},
    "discriminator/joint": {
        "one-way": {"channels": 4, "unconditional": False},
        "spectral": {"channels": 4, "norm": "spectral", "max_channels": 8},
        "mean": {"channels": 4, "condition": "mean"},
        "normal": {"channels": 4, "initial_weights": "normal"},
        "one-way mean": {"channels": 4, "unconditional": False, "condition": "mean", "norm": "spectral"},
    },
    "discriminator/projection": {"batch": {"channels": 4, "norm": "batch", "max_channels": 8}},
    **modern_settings.VARIANTS,
    "loss/bce": {
        **{mismatch: {"mismatch": mismatch} for mismatch in MISMATCHES},
        "paper": {"mismatch": "none", "balance": "paper"},
        "conditional": {"unconditional": False},
    },
    "loss/hinge": {
        **{mismatch: {"mismatch": mismatch} for mismatch in MISMATCHES},
        "paper": {"balance": "paper", "weight": 0.5},
        "conditional": {"unconditional": False, "mismatch": "circular"},
    },
    "loss/matching-aware": {
        "interpolation": {"interpolation": {"weight": 0.5, "where": "random"}},
        "middle": {"interpolation": {}, "mismatched_share": 0.0, "mismatch": "all"},
    },
    "generator/gan-int-cls": {
        "zero": {"channels": 2, "text": 5, "noise": 7, "official_bias": "zero"},
    },
    "discriminator/gan-int-cls": {
        "photographs": {"channels": 2, "text": 5, "program": "photographs", "official_bias": "zero"},
    },
    **gawwn_settings.VARIANTS,
    "loss/stackgan-v2": {
        "one-way": {"unconditional": False, "mismatch": "all"},
        "without captions": {"captions": False},
    },
    "loss/kl": {"sum": {"reduction": "sum", "weight": 2.0}},
    "loss/damsm": {
        "paper": {"word_score": "paper", "mask_same_class": False, "reduction": "sum"},
        "noise": {"image_noise": 0.1},
        "bfloat16": {"precision": "bfloat16"},
        "filter": {"filter": 0.5},
        "plain": {"kernel": "plain"},
    },
    "dataset/sketch-birds": gawwn_settings.BIRDS,
    "metric/r-precision": {"folds": {"candidates": 2, "folds": 2, "seed": 2}},
    "task/damsm": {
        "by epoch": {"decay": "by-epoch", "epoch_decay": 0.5},
        "paper": {"word_score": "paper", "mask_same_class": False, "reduction": "sum"},
        "swapped": {"swapped_captions": True, "image_noise": 0.1},
        "filter": {"filter": 0.5, "precision": "bfloat16"},
    },
    "sampler/plug-and-play": {"noise": {"steps": 2, "moved": "noise", "noise": 0.1, "minimum": -1.0}},
    "task/joint-embedding": {"one-sided": {"symmetric": False, "decay_every": 1}},
    "task/gan": {
        "no average": {"average": None},
        "average": {"average": {"decay": 0.9, "buffers": "average"}},
        "recompute": {"average": {"buffers": "recompute"}},
        "half-life": {"average": {"half_life": 1000, "ramp_up": 0.05}},
        "steps": {"discriminator_steps": 3},
        "schedule": {"schedule": {"decay_from": 0.0, "decay_to": 0.1, "halve_every": 1}},
        "stages": {"train": ["stages", "heads"]},
    },
}
"""Options besides the defaults, by the names of the tests."""
IN_FILES: dict[str, dict[str, tuple[Callable[[Path], dict[str, object]], Mapping[str, object]]]] = {
    "dataset/folder": {
        "plain": (own_images, {"background": "#804020", "crop": False, "flip": False, "cache": "none"})
    },
    "dataset/cub": {label: (birds, options) for label, options in gawwn_settings.CUB.items()},
    "dataset/coco": {"plain": (photographs, {"crop": False, "flip": False, "cache": "none"})},
    "metric/inception-score": {"background": (scored_by_classes, {"background": True, "temperature": 0.5})},
    "feature-network/inception-v3": {
        "ported": (classifier, {"blocks": "ported", "resize": "tensorflow"}),
        "early": (classifier, {"resize": "aligned", "normalise_twice": True}),
    },
    "scorer/classifier": {"unit": (small_classifier, {"gradient": "unit", "size": 48})},
}
"""The same for components that read files."""
LARGE = ("image-encoder/inception-v3", "feature-network/inception-v3")
"""Components around a network that takes seconds to build and to run."""

ALWAYS = ("discriminator/joint", "generator/multi-stage", "loss/hinge")
"""Components that are checked with other options in every run; the long tests check them all."""
COMPILED = ("attention/word", "text-encoder/bilstm")
"""Components that are compiled in every run; under the tests' checks of types that takes seconds each."""

PLUGINS = load_plugins()
OWN = [
    f"{component.kind}/{component.name}"
    for component in PLUGINS.registry
    if PLUGINS.owner(component).distribution == "attnforge"
]


def _class_name(name: str) -> str:
    return "Test" + "".join(word.capitalize() for word in name.replace("/", "-").replace(" ", "-").split("-"))


for _kernel in known_kernels.CLASSES:
    globals()[_class_name(f"kernel/{_kernel}")] = conformance(
        f"kernel/{_kernel}", plugins=known_kernels.kernels_plugin()
    )

for _name in OWN:
    _tests = conformance(_name, **SETTINGS.get(_name, {}))
    if hasattr(_tests, "test_compile") and _name not in COMPILED:
        _tests.test_compile = pytest.mark.long(_tests.test_compile)
    globals()[_class_name(_name)] = pytest.mark.long(_tests) if _name in LARGE else _tests


OF_ALL_OPTIONS = {check.__name__ for check in (*declaration.CHECKS, *plugin_module.CHECKS)}
"""Checks of declaration and module, which do not depend on options."""


def _variant(name: str, **settings: Any) -> type:
    tests = conformance(name, **{**SETTINGS.get(name, {}), **settings})
    for check in OF_ALL_OPTIONS:
        delattr(tests, f"test_{check}")
    if hasattr(tests, "test_compile"):
        tests.test_compile = pytest.mark.long(tests.test_compile)
    return tests if name in ALWAYS else pytest.mark.long(tests)


def _in_files(
    make: Callable[[Path], dict[str, object]], others: Mapping[str, object]
) -> Callable[[Path], dict[str, object]]:
    return lambda folder: {**make(folder), **others}


for _name, _variants in VARIANTS.items():
    for _label, _options in _variants.items():
        globals()[_class_name(f"{_name}/{_label}")] = _variant(_name, options=_options)
for _name, _made in IN_FILES.items():
    for _label, (_make, _others) in _made.items():
        globals()[_class_name(f"{_name}/{_label}")] = _variant(_name, options=_in_files(_make, _others))
for _name in ("loss/bce", "loss/hinge"):
    globals()[_class_name(f"{_name}/one-way")] = _variant(_name, spec=ONE_WAY)


def test_every_setting_belongs_to_a_component() -> None:
    assert set(SETTINGS) | set(LARGE) | set(VARIANTS) | set(IN_FILES) <= set(OWN)
    assert len({_class_name(name) for name in OWN}) == len(OWN)
