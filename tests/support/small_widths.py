"""Overrides that make a shipped recipe small, and small data for it; everything else stays as it ships."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import small_releases

from attnforge.recipe import resolve

IMAGE = (
    "image={use: timm, model: resnet10t, stage: 2, "
    "model_options: {channels: [4, 8, 8, 8], layers: [1, 1, 1, 1], stem_width: 8}}"
)
SHORT = ("epochs=null", "steps=2", "batch_size=2", "log_every=1", "checkpoint_every=0")
TEXTS = {
    "bilstm": ("text.embedding=4",),
    "bigru": ("text.embedding=4",),
    "char-cnn-rnn": ("text.channels=[4, 4, 4]",),
}
"""Options that make a text encoder small, beside its width."""
GENERATORS = {
    "multi-stage": ("base_size=16",),
    "df-gan": ("image_size=16",),
    "rat-gan": ("image_size=16", "hidden=4"),
    "ssa-gan": ("image_size=16", "hidden=4", "mask_channels=3"),
    "gan-int-cls": ("text=4",),
    "gawwn-box": ("image_size=64",),
    "gawwn-keypoints": ("image_size=64", "layout.channels=2", "layout.noise=3"),
    "stackgan-first": ("image_size=16",),
    "stackgan-second": (
        "channels=4",
        "residual_blocks=1",
        "first.image_size=16",
        "first.channels=2",
        "first.noise=3",
    ),
}
"""Options that make a generator small, beside its channels and noise."""
FIRST_IMAGE = {"gan-int-cls": 64, "gawwn-box": 64, "gawwn-keypoints": 64, "stackgan-second": 64}
"""Side of the smallest image of such a generator, where it is not 16."""
CAPTIONS = ("a red bird on a branch", "the blue bird sings", "a bird with a yellow belly and a short beak")


def small(name: str, root: Path) -> list[str]:
    """Overrides of a recipe: two steps a phase, tiny widths, and data that is made below `root`."""
    recipe = resolve(name).data()
    overrides = ["text.dim=8", *TEXTS[recipe["text"]["use"].partition("@")[0]], IMAGE]
    overrides += ["samples.count=2", "training.threads=1", "training.precision=float32"]
    overrides += ["evaluation.captions=3", "evaluation.batch_size=2"]
    for phase in recipe["phases"]:
        overrides += [f"phases.{phase}.{one}" for one in SHORT]
    pairing = [name for name in recipe["phases"] if name in ("damsm", "joint-embedding")]
    overrides += [f"phases.{phase}.image_size=32" for phase in pairing]
    generator = recipe["generator"]
    if generator is not None:
        wrapped = "of." if "of" in recipe["discriminator"] else ""  # a discriminator in another
        overrides += ["generator.channels=2", f"discriminator.{wrapped}channels=2"]
        overrides += ["generator.noise=3"] if "noise" in generator else []
        overrides += ["generator.binary_noise=1"] if generator.get("binary_noise") else []
        overrides += [f"generator.{option}" for option in GENERATORS[generator["use"].partition("@")[0]]]
        for path, part in {"generator": generator, "generator.first": generator.get("first", {})}.items():
            if "dim" in (part.get("conditioner") or ()):  # others have no width, or are a bare name
                overrides += [f"{path}.conditioner.dim=3"]
    for phase, section in recipe["phases"].items():
        if "discriminator" in section["task"]:
            overrides += [f"phases.{phase}.task.discriminator.channels=2"]
    return [*overrides, *DATA[recipe["data"]["use"]](root)]


def _birds(root: Path) -> list[str]:
    return [f"data.root={small_releases.birds(root / 'birds')}"]


def _photographs(root: Path) -> list[str]:
    for split, first, last in (("train", 1, 3), ("test", 8, 9)):
        captions: dict[str, Sequence[str]] = {
            f"{number:012d}.jpg": CAPTIONS[: 1 + number % 3] for number in range(first, last + 1)
        }
        small_releases.photographs(root / "coco", split, captions, first=first)
    return [f"data.root={root / 'coco'}"]


def _folder(root: Path) -> list[str]:
    lines = []
    for number in range(8):
        small_releases.image(root / "images" / f"{number}.png")
        line = {
            "file_name": f"{number}.png",
            "text": CAPTIONS[number % 3],
            "split": "test" if number > 5 else "train",
        }
        lines.append(json.dumps(line))
    small_releases.write(root / "images/metadata.jsonl", "\n".join(lines) + "\n")
    return [f"data.root={root / 'images'}"]


def _uncaptioned(root: Path) -> list[str]:
    for number in range(8):
        small_releases.image(root / "images" / ("test" if number > 5 else "train") / f"{number}.png")
    return [f"data.root={root / 'images'}"]


def _sketches(root: Path) -> list[str]:
    return ["data.count=12", "data.test_count=6"]


DATA: dict[str, Callable[[Path], list[str]]] = {
    "cub": _birds,
    "coco": _photographs,
    "folder": _folder,
    "images": _uncaptioned,
    "sketch-birds": _sketches,
}
