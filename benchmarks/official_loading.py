"""How the official AttnGAN code loads an image of CUB, reimplemented from a description of its steps.

Pillow opens the file and makes it RGB, cuts the square around the bird's box, resizes the shorter side to
76/64 of the size, cuts a random square and mirrors half of them. The square is resized again for each smaller
stage, and each size is made floats in [-1, 1] on its own. PyTorch's default collate function stacks them.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from torch import Tensor
from torch.utils.data import default_collate
from torchvision import transforms  # type: ignore[import-untyped]

Box = tuple[float, float, float, float]


class OfficialLoading:
    """Loads batches as the official code does.

    Args:
        sizes: Sides of the images in pixels, smallest first.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        self._augment = transforms.Compose(
            [
                transforms.Resize(int(sizes[-1] * 76 / 64)),
                transforms.RandomCrop(sizes[-1]),
                transforms.RandomHorizontalFlip(),
            ]
        )
        self._normalize = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))]
        )

    def image(self, path: Path, box: Box | None) -> list[Tensor]:
        """One random square of an image at every size."""
        image = Image.open(path).convert("RGB")
        if box is not None:
            image = _crop(image, box)
        image = self._augment(image)
        smaller = [self._normalize(transforms.Resize(size)(image)) for size in self.sizes[:-1]]
        return [*smaller, self._normalize(image)]

    def batch(self, images: list[tuple[Path, Box | None]]) -> list[Tensor]:
        """A batch of images at every size."""
        stacked: list[Tensor] = default_collate([self.image(path, box) for path, box in images])
        return stacked


def _crop(image: Image.Image, box: Box) -> Image.Image:
    left, top, width, height = (int(number) for number in box)
    reach = int(max(width, height) * 0.75)
    across, down = int((2 * left + width) / 2), int((2 * top + height) / 2)
    return image.crop(
        (
            max(0, across - reach),
            max(0, down - reach),
            min(image.width, across + reach),
            min(image.height, down + reach),
        )
    )
