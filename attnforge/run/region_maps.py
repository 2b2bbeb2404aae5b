"""Where a run's own matching finds the words of a caption in an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from jaxtyping import Float
from torch import Tensor

from attnforge.build.builder import class_of
from attnforge.build.parts import Parts
from attnforge.interfaces import Build, ImageEncoder, TextFeatures
from attnforge.optional import RegionMatcher


@dataclass(frozen=True, slots=True)
class RegionMaps:
    """Looks at images with a run's image encoder, and at their captions' words as its matching does."""

    encoder: ImageEncoder
    matcher: RegionMatcher

    @classmethod
    def of(cls, parts: Parts) -> RegionMaps | None:
        """Those of a recipe, or None where none of its parts matches words with regions.

        A loss is asked before a task: it is what judged the generator's images. Their sharpness (gamma1
        of Eq. 9 in AttnGAN) is what the recipe says, and only they know it. Encoders must not be frozen yet,
        because a task refuses those.
        """
        recipe = parts.recipe
        for loss in recipe.losses.values():
            if _matches(loss):
                return cls(parts.image, cast("RegionMatcher", loss()))
        for phase in recipe.phases.values():
            if _matches(phase.task):
                task = phase.task(parts.task_spec(class_of(phase.task).needs))
                return cls(parts.image, cast("RegionMatcher", task))
        return None

    def __call__(self, text: TextFeatures, images: Float[Tensor, "b 3 _ _"]) -> Float[Tensor, "b l h w"]:
        """The regions that each word picks in the image of its caption; a word's map sums to one."""
        return self.matcher.region_attention(text, self.encoder(images))


def _matches(build: Build[Any]) -> bool:
    part = class_of(build)
    return isinstance(part, type) and issubclass(part, RegionMatcher)
