"""An image encoder around a network of timm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import signature
from itertools import chain
from typing import Annotated, Any

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError, nearest
from attnforge.interfaces import ImageFeatures
from attnforge.specs import ImageSpec
from attnforge.storage.weight_files import load_weights

from .image_projection import Projection

CLASSIFIER_PREFIXES = ("fc.", "classifier.", "head.", "head_dist.", "AuxLogits.")
"""Prefixes of names that a file may have and the network does not."""
LOADING_OPTIONS = re.compile(r"pretrained(?!_window)|checkpoint|cache|hf_|local_")
"""Prefixes of options that locate weights, for networks that load weights themselves."""
SUPPORTED = (
    "a network with maps for stages, such as resnet18 or convnext_tiny; images as large as it requires; "
    "for transformers `model_options: {img_size: 64}` with the images' size, or `{dynamic_img_size: true}`"
)


class TimmEncoder(nn.Module):
    """Regions from one stage of a network of timm, the image vector from its pooled head.

    The pooled head is everything before the network's classifier, with its own pooling and normalisation.
    Convolutional networks and transformers whose stages can be arranged as maps are supported. Small ones
    can be trained from scratch on images of 64 pixels. Nothing is ever downloaded. Images are passed in
    [-1, 1] and at their own size; most transformers read a single size, which
    `model_options: {img_size: 64}` sets and `{dynamic_img_size: true}` lifts.

    Args:
        model: Name of the network in timm.
        stage: Index of the stage that gives the regions, from 0: the stem of most convolutional
            networks, the first stage of ConvNeXt, the first block of a vision transformer.
        weights: File with weights of the network, with or without its classifier, `.pth` or
            `.safetensors`; random when not given.
        model_options: Options that timm passes to the network, such as
            `{channels: [16, 32, 48, 64], stem_width: 8}` for a narrower ResNet. Options of timm
            itself are refused: they load files and download weights; use `weights`, which reads only tensors.

    Raises:
        RecipeError: timm has no such network or cannot build it with these options, the network has no such
            stage or no map there, or the weights do not match.
    """

    def __init__(
        self,
        spec: ImageSpec,
        *,
        model: str = "resnet10t",
        stage: Annotated[int, Field(ge=0, le=1_000)] = 2,
        weights: str | None = None,
        model_options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        # importing timm takes seconds, which only its users should pay
        import timm

        network = create_network(timm, model, dict(model_options or {}), classes=0)
        stages = len(getattr(network, "feature_info", ()))
        if stage >= stages > 0:
            message = f"{model} has no stage {stage}"
            raise RecipeError(Problem("unknown-stage", message, expected=f"0 to {stages - 1}"))
        self.stage = stage
        self.network = network
        local, overall = self._widths(model, spec.image_size)
        if weights is not None:
            load_weights(network, weights, ignore=CLASSIFIER_PREFIXES)
        self.projection = Projection(local=local, overall=overall, dim=spec.dim)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> ImageFeatures:
        matched: ImageFeatures = self.projection(*self._extract(images))
        return matched

    def _extract(
        self, images: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b c i j"], Float[Tensor, "b e"]]:
        last, maps = self.network.forward_intermediates(images, indices=[self.stage], output_fmt="NCHW")
        return maps[0], self.network.forward_head(last, pre_logits=True)

    @torch.no_grad()
    def _widths(self, model: str, side: int) -> tuple[int, int]:
        """The widths of the map and the pooled vector, measured on a blank image."""
        training = self.network.training
        self.network.eval()
        try:
            local, overall = self._extract(torch.zeros(1, 3, side, side))
            shapes = tuple(local.shape), tuple(overall.shape)
        except Exception as error:
            # networks of timm do not specify what they raise for unsupported images
            reason = " ".join(str(error).split()) or type(error).__name__
            message = f"{model} has no regions for images of {side} x {side}: {reason}"
            raise RecipeError(Problem("no-regions", message, expected=SUPPORTED)) from error
        finally:
            self.network.train(training)
        if len(shapes[0]) != 4 or len(shapes[1]) != 2:
            message = f"{model} has no map at stage {self.stage}, but values of shape {shapes[0]}"
            raise RecipeError(Problem("no-regions", message, expected=SUPPORTED))
        return shapes[0][1], shapes[1][1]


def create_network(timm: Any, model: str, options: dict[str, Any], *, classes: int) -> Any:
    """A network of timm with random weights and a classifier of some classes, or without one.

    Args:
        timm: The module, whose import takes seconds.
        model: Name of the network.
        options: What timm passes to it.
        classes: Classes of its classifier; 0 for none.

    Raises:
        RecipeError: timm has no such network, or cannot build it with these options.
    """
    if not timm.is_model(model):
        suggestion = nearest(model, timm.list_models())
        message = f"timm has no network named {model}"
        expected = suggestion or "a name of timm.list_models()"
        raise RecipeError(Problem("unknown-model", message, expected=expected))
    refused = sorted(options.keys() & _loading_options(timm) | set(filter(LOADING_OPTIONS.match, options)))
    if refused:
        message = f"model_options cannot contain {', '.join(refused)}: options of timm, not of the network"
        expected = "options of the network itself; a weights file belongs under `weights`"
        raise RecipeError(Problem("loading-options", message, expected=expected))
    try:
        network = timm.create_model(model, pretrained=False, **options)
        network.reset_classifier(classes)
    except Exception as error:
        # timm checks little: an invalid option raises any kind of exception
        message = f"timm cannot build {model} with {options or 'no options'}: {error}"
        raise RecipeError(Problem("model-options", message, expected="options of that network")) from error
    return network


def _loading_options(timm: Any) -> frozenset[str]:
    """The options that timm's own functions consume before the network gets any.

    They locate weights: `checkpoint_path`, for one, unpickles any file in some versions.
    """
    from timm.models import build_model_with_cfg

    parameters = chain.from_iterable(
        signature(function).parameters.values() for function in (timm.create_model, build_model_with_cfg)
    )
    return frozenset(it.name for it in parameters if it.kind is not it.VAR_KEYWORD)
