"""Attention of the words of a caption over the regions of an image, by the run's own matching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from jaxtyping import Float
from torch import Tensor

from attnforge.build.builder import class_of
from attnforge.build.parts import Parts
from attnforge.interfaces import Build, ImageEncoder, TextFeatures
from attnforge.optional import RegionMatcher
from attnforge.recipe.schema import Recipe


@dataclass(frozen=True, slots=True)
class RegionMaps:
    """Computes region attention with a run's image encoder and its matching loss or task."""

    encoder: ImageEncoder
    matcher: RegionMatcher

    @classmethod
    def of(cls, parts: Parts) -> RegionMaps | None:
        """From the parts of a recipe; None when none of them matches words with regions.

        Losses are preferred to tasks, since a loss scored the generator's images. The sharpness of the
        attention (gamma1 of Eq. 9 in AttnGAN) is an option of these parts. Encoders must not be frozen yet,
        because a task rejects frozen ones.
        """
        recipe = parts.recipe
        if not matches_regions(recipe):
            return None
        encoder = parts.image
        if encoder is None:
            return None
        for name, loss in recipe.losses.items():
            if _matches(loss):
                return cls(encoder, cast("RegionMatcher", parts.build_loss(name)))
        for name, phase in recipe.phases.items():
            if _matches(phase.task):
                return cls(encoder, cast("RegionMatcher", parts.task(name, phase.task)))
        return None

    def __call__(self, text: TextFeatures, images: Float[Tensor, "b 3 _ _"]) -> Float[Tensor, "b l h w"]:
        """The attention of each word over the regions of its caption's image; a word's map sums to one."""
        return self.matcher.region_attention(text, self.encoder(images))


def matches_regions(recipe: Recipe) -> bool:
    """Whether a loss or a task of the recipe matches words with regions; builds nothing."""
    return any(map(_matches, [*recipe.losses.values(), *(phase.task for phase in recipe.phases.values())]))


def _matches(build: Build[Any]) -> bool:
    part = class_of(build)
    return isinstance(part, type) and issubclass(part, RegionMatcher)
