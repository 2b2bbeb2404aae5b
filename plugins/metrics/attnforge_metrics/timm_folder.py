"""Any network of timm as a feature network, with weights from a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import NetworkOutput
from attnforge.ranges import ImageSide
from attnforge.storage.weight_files import load_weights

CONFIG, WEIGHTS = "config.json", "model.safetensors"
EXAMPLE = "timm/vit_large_patch14_dinov2.lvd142m"
"""DINOv2 as the comparison of Stein et al. (2023) has it, at 224 pixels."""


class TimmFeatures(nn.Module):
    """Pooled features of a network of timm, such as DINOv2 (Oquab et al., 2023), and its classes if any.

    Distances on DINOv2 agree better with people than those on Inception (Stein et al., 2023, who use the
    large network at 224 pixels). Images are resized to `size`, bicubic and antialiased, and normalised as
    `config.json` says. Values have the network's own name: `FD (vit_large_patch14_dinov2, 1a2b3c4d)`.

    Args:
        weights: Folder with `config.json` and `model.safetensors`, as timm saves a network; never downloaded.
        size: Side in pixels to which images are resized; by default that of `config.json`. The position
            embeddings of a vision transformer are interpolated to it.

    Raises:
        RecipeError: There is no such folder, or its weights are not those of its network.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, weights: str, size: ImageSide | None = None) -> None:
        super().__init__()
        # importing timm takes seconds, which reading a recipe must not pay
        import timm.data

        timm_data: Any = timm.data
        folder = _folder(weights)
        self.network = _network(folder)
        load_weights(self.network, str(folder / WEIGHTS))
        colours = timm_data.resolve_model_data_config(self.network)
        self.size: int = size or colours["input_size"][-1]
        if size is not None and hasattr(self.network, "set_input_size"):
            self.network.set_input_size(img_size=(size, size))
        with (folder / WEIGHTS).open("rb") as stream:
            self.digest = hashlib.file_digest(stream, "sha256").hexdigest()
        for name, key in (("mean", "mean"), ("deviation", "std")):
            self.register_buffer(name, torch.tensor(colours[key]).reshape(-1, 1, 1), persistent=False)
        self.name: str = self.network.pretrained_cfg["architecture"]
        self.dim: int = self.network.num_features
        self.classes: int = self.network.num_classes
        self.network.requires_grad_(False).eval()

    def protocol(self) -> dict[str, str]:
        """Weights, layer, resizing and normalisation."""
        colours = torch.cat((self.mean, self.deviation)).flatten().tolist()
        return {
            "network": self.name,
            "weights": self.digest,
            "layer": f"pool ({getattr(self.network, 'global_pool', 'avg')})",
            "resize": f"bicubic, antialiased, {self.size} x {self.size}",
            "normalisation": ", ".join(f"{value:.6f}" for value in colours),
        }

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> NetworkOutput:
        images, side = images.float(), (self.size, self.size)
        if images.shape[-2:] != side:
            images = F.interpolate(images, size=side, mode="bicubic", antialias=True).clamp(-1, 1)
        maps = self.network.forward_features(((images + 1) / 2 - self.mean) / self.deviation)
        pooled = self.network.forward_head(maps, pre_logits=True)
        return NetworkOutput(pooled, self.network.get_classifier()(pooled) if self.classes else None)


def _folder(weights: str) -> Path:
    path = Path(weights).expanduser()
    folder = path.parent if path.is_file() else path
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            message = f"the weights of a network of timm are missing: there is no file {folder / name}"
            expected = f"a folder with {CONFIG} and {WEIGHTS}, as timm saves a network, such as {EXAMPLE}"
            step = f"hf download {EXAMPLE} --local-dir {folder}"
            raise RecipeError(Problem("no-weights", message, None, expected, step))
    return folder


def _network(folder: Path) -> Any:
    """The network that the config describes, with random weights."""
    import timm

    try:
        return timm.create_model(f"local-dir:{folder}", pretrained=False)
    except Exception as error:  # timm does not specify what it raises for values that a network does not take
        message = f"{folder / CONFIG} does not describe a network of the installed timm: {error}"
        expected = "the `architecture` of a network of timm, and `pretrained_cfg`"
        raise RecipeError(Problem("other-weights", message, expected=expected)) from error
