"""The generator `ssa-gan` keeps the promises of its kind with other options than the defaults."""

from __future__ import annotations

import pytest

from attnforge.testing import conformance

pytestmark = pytest.mark.long  # the defaults are checked in every run, with all first-party components

SMALL = {"image_size": 32, "channels": 2, "noise": 5, "hidden": 7, "mask_channels": 3}

TestSynchronised = conformance("generator/ssa-gan", options={**SMALL, "norm": "synchronised"})
TestOfEightPixels = conformance(
    "generator/ssa-gan", options={"image_size": 8, "channels": 3, "noise": 1, "hidden": 1}
)

for _tests in (TestSynchronised, TestOfEightPixels):
    _tests.test_compile = pytest.mark.long(_tests.test_compile)  # type: ignore[attr-defined]
