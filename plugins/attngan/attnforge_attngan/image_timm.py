"""An image encoder around any convolutional network of timm, for small pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError, nearest
from attnforge.interfaces import ImageFeatures
from attnforge.specs import ImageSpec

from .image_projection import Projection
from .image_weights import load_weights


class TimmEncoder(nn.Module):
    """Regions from one stage of a network of timm, the image vector from its pooled last stage.

    Light enough to train from nothing on pictures of 64 pixels. Nothing is ever downloaded. Pictures enter
    in [-1, 1] and at their own size.

    Args:
        model: Name of the network in timm.
        stage: Which of its stages gives the regions, counted from 0, the stem.
        weights: File with weights of the network without its classifier, `.pth` or `.safetensors`; random
            when not given.
        model_options: Options that timm hands to the network, such as
            `{channels: [16, 32, 48, 64], stem_width: 8}` for a narrower ResNet.

    Raises:
        RecipeError: timm has no such network or cannot build it with these options, the network has no such
            stage, or the weights do not fit.
    """

    def __init__(
        self,
        spec: ImageSpec,
        *,
        model: str = "resnet10t",
        stage: Annotated[int, Field(ge=0)] = 2,
        weights: str | None = None,
        model_options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        # Importing timm takes seconds, which only those who use it should pay.
        import timm

        if not timm.is_model(model):
            suggestion = nearest(model, timm.list_models())
            message = f"timm has no network named {model}"
            raise RecipeError(
                Problem("unknown-model", message, expected=suggestion or "a name of timm.list_models()")
            )
        options = dict(model_options or {})
        try:
            network: Any = timm.create_model(model, pretrained=False, features_only=True, **options)
        except Exception as error:
            # timm checks little, so a wrong option rises from deep inside as any kind of exception.
            message = f"timm cannot build {model} with {options or 'no options'}: {error}"
            raise RecipeError(
                Problem("model-options", message, expected="options of that network")
            ) from error
        widths = network.feature_info.channels()
        if stage >= len(widths):
            message = f"{model} has no stage {stage}"
            raise RecipeError(Problem("unknown-stage", message, expected=f"0 to {len(widths) - 1}"))
        self.stage = stage
        self.network = network
        if weights is not None:
            load_weights(network, weights, ignore=("fc.", "classifier.", "head."))
        self.projection = Projection(local=widths[stage], overall=widths[-1], dim=spec.dim)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> ImageFeatures:
        features = self.network(images)
        matched: ImageFeatures = self.projection(features[self.stage], features[-1].mean(dim=(2, 3)))
        return matched
