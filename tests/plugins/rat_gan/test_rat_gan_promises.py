"""Generator and discriminator of RAT-GAN keep the promises of their kinds."""

from __future__ import annotations

import pytest

from attnforge.testing import conformance

pytestmark = pytest.mark.long  # the defaults are checked in every run, with all first-party components

TestGeneratorOfEightPixels = conformance(
    "generator/rat-gan", options={"image_size": 8, "channels": 3, "noise": 1, "hidden": 1}
)
TestDiscriminator = conformance("discriminator/spatial-attention", options={"channels": 3})

for _tests in (TestGeneratorOfEightPixels, TestDiscriminator):
    _tests.test_compile = pytest.mark.long(_tests.test_compile)  # type: ignore[attr-defined]
