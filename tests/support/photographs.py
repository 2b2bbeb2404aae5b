"""Pictures with the statistics of photographs: noise whose strength falls with its frequency."""

from __future__ import annotations

import numpy as np
from PIL import Image


def photograph(width: int, height: int, *, seed: int = 0) -> Image.Image:
    """A picture whose detail and JPEG size resemble those of a photograph."""
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
