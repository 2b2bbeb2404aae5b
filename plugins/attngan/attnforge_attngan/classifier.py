"""Scores images by an image classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Prompt
from attnforge.ranges import Count, ImageSide, Share
from attnforge.specs import ScorerSpec
from attnforge.storage.weight_files import load_weights, read_state

from .image_timm import create_network

Deviation = Annotated[float, Field(gt=0, le=100)]
WRAPPERS = ("model", "state_dict")
"""Keys under which training code saves a state dict."""


class ClassifierScorer:
    """The log probability of one class by an image classifier, whatever the caption.

    With the sampler `plug-and-play`, images of any generator become images of that class (Nguyen et al.,
    2017). The classifier is any network of timm with weights from a file.

    Args:
        weights: File with weights of the network and its classifier, `.pth` or `.safetensors`. Nothing is
            ever downloaded.
        unit: The class, counted from 0.
        model: Name of the network in timm.
        model_options: Options that timm passes to the network.
        size: Side in pixels to which images are resized; by default they keep theirs.
        mean: What is subtracted from each channel of images in [0, 1].
        deviation: What each channel is then divided by.
        gradient: `softmax` is the gradient of the log probability. `unit` has that of the class's own logit
            alone, 1 - p, as in the official program: it raises this logit, and does not lower those of
            other classes.

    Raises:
        RecipeError: The file cannot be read or has other weights, or there are not so many classes.
    """

    def __init__(
        self,
        spec: ScorerSpec,
        *,
        weights: str,
        unit: Count,
        model: str = "resnet18",
        model_options: Mapping[str, Any] | None = None,
        size: ImageSide | None = None,
        mean: tuple[Share, Share, Share] = (0.485, 0.456, 0.406),
        deviation: tuple[Deviation, Deviation, Deviation] = (0.229, 0.224, 0.225),
        gradient: Literal["softmax", "unit"] = "softmax",
    ) -> None:
        # importing timm takes seconds, which only its users should pay
        import timm

        options = dict(model_options or {})
        head = create_network(timm, model, options, classes=1).default_cfg.get("classifier")
        matrix = read_state(weights, inside=WRAPPERS).get(f"{head}.weight") if isinstance(head, str) else None
        if matrix is None or matrix.ndim != 2:
            message = f"{weights} has no classifier of {model}"
            expected = f"a state dict of {model} with `{head}.weight`"
            raise RecipeError(Problem("other-weights", message, expected=expected))
        if unit >= len(matrix):
            message = f"class {unit} is not one of the {len(matrix)} of {weights}"
            raise RecipeError(Problem("no-such-class", message, expected=f"0 to {len(matrix) - 1}"))
        network = create_network(timm, model, options, classes=len(matrix))
        load_weights(network, weights)
        self.network = network.requires_grad_(False).eval()
        self.unit = unit
        self.size = size
        self.mean = torch.tensor(mean)[:, None, None]
        self.deviation = torch.tensor(deviation)[:, None, None]
        self.gradient = gradient

    def __call__(self, images: Float[Tensor, "b 3 h w"], prompt: Prompt, /) -> Float[Tensor, "b"]:
        """The log probability of the class for each image, with gradients to the images."""
        self.network.to(images.device)
        inputs = (images.float() + 1) / 2
        if self.size is not None:
            side = (self.size, self.size)
            inputs = F.interpolate(inputs, size=side, mode="bilinear", antialias=True, align_corners=False)
        logits: Tensor = self.network((inputs - self.mean.to(inputs)) / self.deviation.to(inputs)).float()
        probability: Tensor = logits.log_softmax(dim=1)[:, self.unit]
        if self.gradient == "softmax":
            return probability
        own: Tensor = logits[:, self.unit] * (1 - probability.exp()).detach()
        return own - own.detach() + probability.detach()
