"""Ranges that the options of several losses share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Weight = Annotated[float, Field(ge=0)]
Sharpness = Annotated[float, Field(gt=0)]
