"""The plugin's components keep the promises of their kinds, with other options too."""

from __future__ import annotations

from typing import Any

import pytest

from attnforge.specs import DiscriminatorSpec, GeneratorSpec
from attnforge.testing import conformance

pytestmark = pytest.mark.long  # the defaults are checked in every run, with all first-party components

NARROW: dict[str, Any] = {"channels": [8, 8, 4], "group_channels": 4}
GENERATOR = GeneratorSpec(words=6)
DISCRIMINATOR = DiscriminatorSpec(image_size=16, sentence=6)

TestGenerator = conformance("generator/r3gan", options=NARROW, spec=GENERATOR)
TestDeeperGenerator = conformance(
    "generator/r3gan",
    options={**NARROW, "noise": 5, "blocks": [3, 1, 1], "expansion": 3, "embedding": 2},
    spec=GENERATOR,
)
TestDiscriminator = conformance("discriminator/r3gan", options=NARROW, spec=DISCRIMINATOR)
TestTwoHeadedDiscriminator = conformance(
    "discriminator/r3gan",
    options={**NARROW, "blocks": [2, 1, 1], "expansion": 1, "embedding": 4, "unconditional": True},
    spec=DISCRIMINATOR,
)
TestRelativistic = conformance("loss/relativistic")
TestRelativisticMismatched = conformance(
    "loss/relativistic",
    options={"weight": 2, "unconditional": False, "mismatch": "circular", "mismatch_weight": 0.5},
)
TestZeroCentred = conformance("loss/zero-centred")
TestLazyR1 = conformance(
    "loss/zero-centred",
    options={"at": "real", "weight": [1, 5], "every": 4},
    skip={"named_scalars": "the step of the checks, the first, has no penalty"},
)
TestScheduled = conformance(
    "loss/zero-centred", options={"weight": [{"schedule": "cosine", "from": 2, "to": 0.2, "over": 50}, 5]}
)
TestFiniteDifference = conformance(
    "loss/zero-centred",
    options={"at": "generated", "method": "finite-difference", "distance": 0.1, "unconditional": False},
    skip=dict.fromkeys(("autocast", "compile"), "every call draws new noise; see test_zero_centred"),
)
