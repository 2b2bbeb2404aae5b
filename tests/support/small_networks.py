"""Weights of feature networks on disk, random and small enough for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from attnforge_metrics.perceptual import WIDTHS
from safetensors.torch import save_file

SMALL = {"embed_dim": 16, "depth": 2, "num_heads": 2, "img_size": 56}
COLOURS = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def write_dinov2(folder: Path) -> Any:
    """Write a small DINOv2 with random weights as timm's folders are, and give the network."""
    import timm

    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = timm.create_model("vit_small_patch14_dinov2", pretrained=False, **SMALL).eval()
        for weight in network.parameters():  # as drawn, features would hardly depend on the images
            torch.nn.init.normal_(weight, std=0.3)
    config = {
        "architecture": "vit_small_patch14_dinov2",
        "num_classes": 0,
        "model_args": SMALL,
        "pretrained_cfg": {
            "input_size": [3, 56, 56],
            "interpolation": "bicubic",
            "num_classes": 0,
            **COLOURS,
        },
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_file(network.state_dict(), folder / "model.safetensors")
    return network


def dinov2_options(folder: Path) -> dict[str, object]:
    """What a recipe says of a network of timm that is written into `folder`."""
    write_dinov2(folder)
    return {"weights": str(folder)}


def write_lpips(folder: Path) -> dict[str, str]:
    """Random files as those of torchvision's AlexNet and of the package lpips."""
    from torchvision.models import alexnet  # type: ignore[import-untyped]

    numbers = torch.Generator().manual_seed(1)
    with torch.device("meta"):
        layers = alexnet(weights=None).features.state_dict()
    state = {
        f"features.{name}": torch.randn(weight.shape, generator=numbers) * 0.05
        for name, weight in layers.items()
    }
    save_file({**state, "classifier.1.weight": torch.zeros(1)}, folder / "alexnet.safetensors")
    channels = {
        f"lin{number}.model.1.weight": torch.rand(1, width, 1, 1, generator=numbers)
        for number, width in enumerate(WIDTHS)
    }
    torch.save(channels, folder / "alex.pth")
    return {"weights": str(folder / "alexnet.safetensors"), "calibration": str(folder / "alex.pth")}


def lpips_options(folder: Path) -> dict[str, object]:
    """What a recipe says of LPIPS whose files are written into `folder`."""
    return dict(write_lpips(folder))
