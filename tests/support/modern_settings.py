"""What the parts of training from after 2018 need besides their defaults to be checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXAMPLE_NETWORK = {"network": "conformance-example"}
PROJECTION = {"of": {"use": "projection", "channels": 4}}
JOINT = {"of": {"use": "joint", "channels": 4}}

SETTINGS: dict[str, Mapping[str, Any]] = {
    "discriminator/diff-augment": {"options": PROJECTION},
    "discriminator/adaptive-augment": {"options": PROJECTION},
    "loss/mode-seeking": {"options": {"bound": 5.0}},  # images of the example differ by more than the default
    "loss/minibatch-deviation": {
        "skip": dict.fromkeys(
            ("generator_terms_reach_the_generator", "discriminator_terms_reach_the_discriminators"),
            "no two images of the step share a caption; see test_minibatch_deviation",
        )
    },
}
VARIANTS: dict[str, dict[str, Mapping[str, Any]]] = {
    "discriminator/diff-augment": {
        "joint": {**JOINT, "operations": ["mirror", "contrast", "brightness"], "probability": 0.5},
    },
    "discriminator/adaptive-augment": {"mirror": {**JOINT, "operations": ["mirror"], "initial": 0.5}},
    "loss/mode-seeking": {"ratio": {"form": "ratio", "captions": 3}},
    "loss/drifting": {
        "network": {**EXAMPLE_NETWORK, "captions": 2, "images": 3, "radii": [0.1], "fitting": "class"}
    },
    "loss/frechet": {"network": {**EXAMPLE_NETWORK, "decay": 0.0}},
}
