"""Ranges of options that many components have: what is out of range is refused where the recipe says it.

Each is a type for the constructor of a component or the field of a section:

    def __init__(self, spec: TextSpec, *, dim: Width = 256, dropout: Dropout = 0.5) -> None: ...

Upper bounds lie far beyond every published model. They refuse slips of the keyboard before these are given
memory or processes. A number of a recipe is always finite.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Positive = Annotated[int, Field(ge=1)]
"""A count of at least one, however large: steps, images, words of a vocabulary."""
Count = Annotated[int, Field(ge=0)]
"""A count that may be zero, which mostly means never; and a seed."""
Width = Annotated[int, Field(ge=1, le=65_536)]
"""Channels of a feature map, or numbers in a vector."""
EvenWidth = Annotated[int, Field(ge=2, le=65_536, multiple_of=2)]
"""A width that two directions or two halves share."""
Depth = Annotated[int, Field(ge=1, le=1_000)]
"""Layers, blocks or heads."""
ImageSide = Annotated[int, Field(ge=4, le=16_384)]
"""The side of a square image in pixels."""
BatchSize = Annotated[int, Field(ge=1, le=65_536)]
"""Images that are computed at once."""
CaptionLength = Annotated[int, Field(ge=1, le=65_536)]
"""Tokens of one caption."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, all of it allowed."""
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
"""A part of a whole that leaves something: dropout, a decay rate, what a filter may leave out."""
Betas = tuple[ShareBelowOne, ShareBelowOne]
"""Adam's decay rates of the mean and of the mean square of gradients (Kingma and Ba, 2015)."""
StepSize = Annotated[float, Field(gt=0, le=10)]
"""An optimizer's learning rate."""
Weight = Annotated[float, Field(ge=0, le=1e6)]
"""A factor of a loss, or the standard deviation of noise."""
Sharpness = Annotated[float, Field(gt=0, le=1e6)]
"""What scores are multiplied by before a softmax, or a norm that gradients are cut to."""
