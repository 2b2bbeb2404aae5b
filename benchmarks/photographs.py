"""Images with the statistics of photographs: noise whose strength falls with its frequency."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
from PIL import Image


def photograph(width: int, height: int, *, seed: int = 0) -> Image.Image:
    """An image whose detail and JPEG size resemble those of a photograph."""
    random = np.random.default_rng(seed)
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    strength = 1 / np.maximum(np.hypot(down, across), 1 / max(width, height))
    planes = []
    for _ in range(3):
        phase = np.exp(2j * np.pi * random.random(strength.shape))
        plane = np.fft.irfft2(strength * phase, s=(height, width))
        planes.append(plane / plane.std())
    # what the eye calls colour varies less than lightness
    pixels = 120 + 50 * np.stack([0.9 * planes[0] + 0.3 * plane for plane in planes], axis=-1)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def write_birds(root: Path, *, count: int, seed: int = 0) -> None:
    """Write images in the layout of CUB-200-2011, all for training, with CUB's sizes of files and boxes.

    The images are 500 pixels wide and take about 98 kB, as CUB's do on the average; the boxes have the
    median and the spread of CUB's.

    Args:
        root: The folder that is filled.
        count: How many images.
        seed: Decides the images and boxes.
    """
    random = Random(seed)  # noqa: S311
    base = root / "CUB_200_2011"
    names = [f"001.Noise/noise_{number:04d}" for number in range(1, count + 1)]
    boxes = []
    for number, name in enumerate(names):
        height = random.choice([333, 375])
        for folder in (base / "images", root / "text"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        path = base / "images" / f"{name}.jpg"
        photograph(500, height, seed=seed * count + number).save(path, quality=87)
        (root / "text" / f"{name}.txt").write_text("a small bird with a long beak and grey wings\n" * 10)
        across, down = random.randint(140, 380), random.randint(130, 320)
        boxes.append((random.randint(0, 500 - across), random.randint(0, height - down), across, down))
    numbered = list(enumerate(zip(names, boxes, strict=True), start=1))
    lists = {
        "images.txt": [f"{number} {name}.jpg" for number, (name, _) in numbered],
        "bounding_boxes.txt": [f"{n} {' '.join(f'{side:.1f}' for side in box)}" for n, (_, box) in numbered],
        "train_test_split.txt": [f"{number} 1" for number, _ in numbered],
    }
    for name, lines in lists.items():
        (base / name).write_text("".join(f"{line}\n" for line in lines))
