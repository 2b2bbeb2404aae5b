"""Ranges of options that several networks have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

ImageSize = Literal[64, 128, 256]
"""Side of images in pixels: two, three or four doublings of the maps."""
InnerWidth = Annotated[int, Field(ge=1, le=8_192)]
"""Channels, of which the widest maps have eight times as many."""
