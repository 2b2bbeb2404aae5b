"""What the parts of training from after 2018 need besides their defaults to be checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXAMPLE_NETWORK = {"network": "conformance-example"}
PROJECTION = {"of": {"use": "projection", "channels": 4}}
JOINT = {"of": {"use": "joint", "channels": 4}}
ONE_IMAGE_A_CAPTION = dict.fromkeys(
    ("generator_terms_reach_the_generator", "discriminator_terms_reach_the_discriminators"),
    "no two images of the step share a caption; the tests of the component have such steps",
)

SETTINGS: dict[str, Mapping[str, Any]] = {
    "discriminator/diff-augment": {"options": PROJECTION},
    "discriminator/adaptive-augment": {"options": PROJECTION},
    "loss/mode-seeking": {"options": {"bound": 5.0}},  # images of the example differ by more than the default
    "loss/minibatch-deviation": {"skip": ONE_IMAGE_A_CAPTION},
    "loss/packed": {
        "options": {"channels": 4},
        "skip": {
            "discriminator_terms_reach_the_discriminators": "it trains discriminators of its own",
        },
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
    "loss/packed": {"triples": {"channels": 4, "images": 3, "side": 8, "weight": 0.5}},
    "loss/frechet": {"network": {**EXAMPLE_NETWORK, "decay": 0.0}},
}
