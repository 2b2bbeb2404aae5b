"""Inception-v3 as a feature network, with weights from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import NetworkOutput
from attnforge.recipe.weights import PublishedFile
from attnforge.storage.weight_files import load_weights, read_state

INPUT_SIZE = 299
"""Side in pixels of the images that Inception-v3 was trained on."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours in [0, 1]."""
PUBLISHED = {
    "ported": (
        PublishedFile("pt_inception-2015-12-05-6726825d.pth", "pytorch-fid", "6726825d"),
        PublishedFile("weights-inception-2015-12-05-6726825d.pth", "torch-fidelity", "6726825d"),
    ),
    "torchvision": (
        PublishedFile("inception_v3_google-0cc3c7bd.pth", "torchvision", "0cc3c7bd"),
        PublishedFile("inception_v3_google-1a9a5a14.pth", "older versions of torchvision", "1a9a5a14"),
    ),
}
"""The files of weights that are in use for each kind of blocks; networks are fine-tuned from them, too."""
Resizing = Literal["tensorflow", "plain", "aligned", "antialiased", "bicubic"]


class InceptionFeatures(nn.Module):
    """The 2,048 pooled features of Inception-v3 (Szegedy et al., 2016), and its classes.

    Several networks of this name are in use, and their Frechet distances differ: `torchvision` has the blocks
    of torchvision; `ported` has those of the TensorFlow graph of 2015 with 1,008 classes, on which FID was
    defined, as pytorch-fid and torch-fidelity ported it. Its logits have no bias, as in the inception score.

    Args:
        weights: File with the weights of Inception-v3, `.pth` or `.safetensors`; its last layer may have any
            number of classes. Nothing is ever downloaded.
        blocks: Whose blocks: `torchvision`, or `ported` for FID as it was defined.
        resize: How images are resized to 299 x 299: bilinear as in `tensorflow` 1, the definition of FID and
            torch-fidelity's, with its scale of (x - 128) / 128; `plain` bilinear, pytorch-fid's; `aligned` at
            the corners, DM-GAN's and DF-GAN's; `antialiased` bilinear; or `bicubic` and antialiased, like
            clean-fid's.
        normalise_twice: Whether images in [0, 1] are normalised as if they had been normalised before, as in
            DM-GAN, DF-GAN and others of an early pytorch-fid; the network expects [-1, 1].

    Raises:
        RecipeError: The file cannot be read or has the weights of another network.
    """

    name = "inception-v3"
    dim = 2048
    published: ClassVar[Mapping[str, tuple[PublishedFile, ...]]] = {
        "weights": (*PUBLISHED["ported"], *PUBLISHED["torchvision"])
    }

    def __init__(
        self,
        *,
        weights: str,
        blocks: Literal["torchvision", "ported"] = "torchvision",
        resize: Resizing = "antialiased",
        normalise_twice: bool = False,
    ) -> None:
        super().__init__()
        if not Path(weights).exists():
            message = f"there is no file {weights} with the weights of Inception-v3"
            expected = " or ".join(map(str, PUBLISHED[blocks]))
            raise RecipeError(Problem("no-weights", message, expected=expected))
        # importing torchvision takes seconds, which reading a recipe must not pay
        from .inception_blocks import inception

        head = read_state(weights).get("fc.weight")
        if head is None or head.ndim != 2:
            message = f"{weights} has no last layer"
            expected = "a state dict of Inception-v3 with `fc.weight`"
            raise RecipeError(Problem("other-weights", message, expected=expected))
        self.classes = len(head)
        self.network = inception(blocks, classes=self.classes)
        load_weights(self.network.network, weights, ignore=("AuxLogits.",))
        with Path(weights).open("rb") as stream:
            self.digest = hashlib.file_digest(stream, "sha256").hexdigest()
        self.blocks = blocks
        self.resize: Resizing = resize
        self.normalise_twice = normalise_twice

    def protocol(self) -> dict[str, str]:
        """Weights, blocks, resizing and normalisation."""
        return {
            "network": f"inception-v3, {self.blocks} blocks",
            "weights": self.digest,
            "layer": "pool",
            "resize": f"{self.resize}, 299 x 299",
            "normalisation": "ImageNet, applied to [0, 1]" if self.normalise_twice else "[-1, 1]",
        }

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> NetworkOutput:
        images = images.float()
        if self.resize == "tensorflow":
            images = ((images + 1) * 127.5 - 128) / 128
        sized = _RESIZES[self.resize](images)
        if self.normalise_twice:
            mean, deviation = (sized.new_tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
            # torchvision's `transform_input`, made for images normalised by ImageNet's mean and deviation
            sized = (sized + 1) / 2 * (deviation / 0.5) + (mean - 0.5) / 0.5
        pooled = self.network.pooled(sized)
        return NetworkOutput(pooled, self.network.logits(pooled))


_SIZE = (INPUT_SIZE, INPUT_SIZE)


def _aligned(images: Tensor) -> Tensor:
    return F.interpolate(images, size=_SIZE, mode="bilinear", align_corners=True)


def _antialiased(images: Tensor) -> Tensor:
    return F.interpolate(images, size=_SIZE, mode="bilinear", antialias=True, align_corners=False)


def _bicubic(images: Tensor) -> Tensor:
    return F.interpolate(images, size=_SIZE, mode="bicubic", antialias=True, align_corners=False)


def _plain(images: Tensor) -> Tensor:
    return F.interpolate(images, size=_SIZE, mode="bilinear", align_corners=False)


def _tensorflow(images: Tensor) -> Tensor:
    """TensorFlow 1's bilinear resizing: pixels lie at their upper left corners, and nothing is averaged."""
    height, width = images.shape[-2:]
    rows = torch.arange(INPUT_SIZE, device=images.device) * (height / INPUT_SIZE)
    columns = torch.arange(INPUT_SIZE, device=images.device) * (width / INPUT_SIZE)
    images = _between(images, rows, dim=-2)
    return _between(images, columns, dim=-1)


def _between(images: Tensor, places: Tensor, *, dim: int) -> Tensor:
    """Linear interpolation at some places along a dimension; beyond the last pixel, that pixel."""
    last = images.shape[dim] - 1
    before = places.floor().long().clamp(max=last)
    after = (before + 1).clamp(max=last)
    share = (places - before).to(images.dtype)
    if dim == -2:
        share = share[:, None]
    first, second = images.index_select(dim, before), images.index_select(dim, after)
    return first + (second - first) * share


_RESIZES = {
    "tensorflow": _tensorflow,
    "plain": _plain,
    "aligned": _aligned,
    "antialiased": _antialiased,
    "bicubic": _bicubic,
}
