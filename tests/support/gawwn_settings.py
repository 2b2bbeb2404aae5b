"""What GAWWN's components need besides their defaults to be checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from attnforge_gawwn.keypoint_generator import KeypointGenerator
from attnforge_gawwn.layout import Layout

from attnforge.specs import DiscriminatorSpec, GeneratorSpec, TaskSpec
from attnforge.testing.examples.specs import spec_for


def with_layout() -> TaskSpec:
    """Parts whose generator generates key points."""
    spec: TaskSpec = spec_for("task", Path())
    extras = {"keypoints": (5, 3)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        generator = KeypointGenerator(
            GeneratorSpec(words=spec.text.dim, extras=extras),
            image_size=64, channels=2, noise=5, layout=Layout(channels=2, noise=3),
        )  # fmt: skip
    return replace(spec, generator=generator, extras=extras)


SETTINGS: dict[str, Mapping[str, Any]] = {
    "generator/gawwn-box": {
        "options": {"image_size": 64, "channels": 2, "noise": 5, "last_channels": 3},
        "spec": GeneratorSpec(words=6, extras={"box": (4,)}),
        "recipe": {"data": {"use": "sketch-birds", "extras": ["box"]}},
    },
    "discriminator/gawwn-box": {
        "options": {"channels": 2, "text": 5},
        "spec": DiscriminatorSpec(image_size=64, sentence=6, extras={"box": (4,)}),
        "recipe": {"data": {"use": "sketch-birds", "extras": ["box"]}},
    },
    "generator/gawwn-keypoints": {
        "options": {"image_size": 64, "channels": 2, "noise": 5},
        "spec": GeneratorSpec(words=6, extras={"keypoints": (5, 3)}),
        "recipe": {"data": {"use": "sketch-birds", "extras": ["keypoints"]}},
    },
    "discriminator/gawwn-keypoints": {
        "options": {"channels": 2, "text": 5},
        "spec": DiscriminatorSpec(image_size=64, sentence=6, extras={"keypoints": (5, 3)}),
        "recipe": {"data": {"use": "sketch-birds", "extras": ["keypoints"]}},
    },
    "task/gawwn-layout": {"spec": with_layout, "options": {"discriminator_channels": 2}},
}
VARIANTS: dict[str, dict[str, Mapping[str, Any]]] = {
    "generator/gawwn-box": {
        "elements": {"image_size": 64, "channels": 2, "noise": 5, "elements": 2},
    },
    "generator/gawwn-keypoints": {
        "layout": {"image_size": 64, "channels": 2, "noise": 5, "layout": {"channels": 2, "noise": 3}},
    },
    "discriminator/gawwn-box": {"elements": {"channels": 2, "text": 5, "elements": 2}},
}
BIRDS: dict[str, Mapping[str, Any]] = {
    "placed": {"count": 20, "test_count": 8, "roam": True, "extras": ["box", "keypoints"]},
    "unflipped": {"count": 20, "test_count": 8, "flip": False, "facings": ["left"]},
}
"""Options of the data set of sketch birds."""
CUB: dict[str, Mapping[str, object]] = {
    "plain": {"box": False, "crop": False, "flip": False, "cache": "memory"},
    "placed": {"box": False, "stretch": True, "extras": ["box", "keypoints"]},
}
"""Options of the data set of CUB's birds."""
