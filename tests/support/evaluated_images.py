"""A folder of images as another system writes it, and a protocol that measures it fast."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

PROTOCOL = """\
summary: Sketch birds at 64 pixels.
deviations: [Made for tests.]
data: {use: sketch-birds, count: 24, test_count: 12}
image_size: 64
evaluation:
  captions: 12
  metrics:
    attributes: attribute-accuracy
    distance: {use: frechet-distance, network: pixels}
    kernel: {use: kernel-distance, network: pixels}
"""
"""Needs `ATTNFORGE_PLUGINS=pixels=pixel_plugin`."""


def write_images(folder: Path, count: int = 12, *, captions: bool = True, size: int = 64) -> None:
    """The real test images of the protocol, as another system may write them."""
    from attnforge_sketch_birds.dataset import SketchBirds

    from attnforge.specs import DataSpec

    data = SketchBirds(DataSpec(split="test", image_size=size), count=24, test_count=12)
    folder.mkdir()
    rows = []
    for index in range(count):
        pixels = data.sample(index, seed=0).image.permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(folder / f"{index}.png")
        rows.append({"file_name": f"{index}.png", "text": data.captions(index)[0]})
    if captions:
        (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
