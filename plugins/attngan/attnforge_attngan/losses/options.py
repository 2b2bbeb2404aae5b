"""Option types that several losses share."""

from __future__ import annotations

from typing import Literal

WordScore = Literal["official", "paper"]
"""Whether Eq. 10 has its power 1/gamma2; see `matching_terms`."""
Reduction = Literal["mean", "sum"]
"""How the terms of a batch are reduced to a scalar."""
EncoderImages = Literal["real", "generated"]
"""The images that encoders are fine-tuned with while a generator trains."""
