"""Ranges of options that many components have; a value out of range is refused with its place in the recipe.

Each is a type for a parameter of a component's constructor or a field of a section:

    def __init__(self, spec: TextSpec, *, dim: Width = 256, dropout: Dropout = 0.5) -> None: ...

Upper bounds lie far beyond every published model. They catch typing errors before memory is allocated or
processes are started. A number in a recipe is always finite.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Positive = Annotated[int, Field(ge=1)]
"""A count of at least one, however large: steps, images, words of a vocabulary."""
Count = Annotated[int, Field(ge=0)]
"""A count that may be zero, which mostly means never; or a seed."""
Width = Annotated[int, Field(ge=1, le=65_536)]
"""Channels of a feature map, or the length of a vector."""
EvenWidth = Annotated[int, Field(ge=2, le=65_536, multiple_of=2)]
"""A width that two directions or two halves share."""
Depth = Annotated[int, Field(ge=1, le=1_000)]
"""Layers, blocks or heads."""
ImageSide = Annotated[int, Field(ge=4, le=16_384)]
"""The side of a square image in pixels."""
BatchSize = Annotated[int, Field(ge=1, le=65_536)]
"""Images in a batch."""
CaptionLength = Annotated[int, Field(ge=1, le=65_536)]
"""Tokens of one caption."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A fraction in [0, 1]."""
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
"""A fraction in [0, 1): dropout, a decay rate, what a filter may reject."""
Betas = tuple[ShareBelowOne, ShareBelowOne]
"""Adam's decay rates of the mean and of the mean square of gradients (Kingma and Ba, 2015)."""
StepSize = Annotated[float, Field(gt=0, le=10)]
"""An optimizer's learning rate."""
Weight = Annotated[float, Field(ge=0, le=1e6)]
"""A factor of a loss, or the standard deviation of noise."""
Sharpness = Annotated[float, Field(gt=0, le=1e6)]
"""What scores are multiplied by before a softmax, or a norm that gradients are clipped to."""
