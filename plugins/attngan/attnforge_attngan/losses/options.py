"""Ranges that the options of several losses share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

Weight = Annotated[float, Field(ge=0)]
Sharpness = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Balance = Literal["official", "paper"]
"""How the terms of an adversarial loss are weighed; see `AdversarialLoss`."""
WordScore = Literal["official", "paper"]
"""Whether Eq. 10 has its power 1/gamma2; see `matching_terms`."""
Reduction = Literal["mean", "sum"]
"""How the terms of a batch become one number."""
