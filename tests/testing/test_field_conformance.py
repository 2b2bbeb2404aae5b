"""Components with the traits of published models keep every promise, so the kit has room for the field."""

from __future__ import annotations

from dataclasses import replace

import field_parts
import pytest

from attnforge.specs import DiscriminatorSpec, GeneratorSpec
from attnforge.testing import conformance

PLUGINS = field_parts.field_plugin()
DISCRIMINATOR = DiscriminatorSpec(image_size=16, sentence=6, condition=3, extras=field_parts.BOX)
GENERATOR = GeneratorSpec(words=6, extras=field_parts.BOX)
ONE_WAY = replace(field_parts.SPEC, unconditional=False, condition=None, image_encoder=False)

TestOneWayDiscriminator = conformance("discriminator/one-way", plugins=PLUGINS)
TestPatchDiscriminator = pytest.mark.long(conformance("discriminator/patches", plugins=PLUGINS))
TestBoxDiscriminator = pytest.mark.long(conformance("discriminator/box", plugins=PLUGINS, spec=DISCRIMINATOR))
TestBoxGenerator = conformance("generator/box", plugins=PLUGINS, spec=GENERATOR)
TestMatchingPenalty = conformance("loss/penalty", plugins=PLUGINS)
TestLazyPenalty = pytest.mark.long(conformance("loss/lazy", plugins=PLUGINS))
TestLazyPenaltyOfOneWayDiscriminators = pytest.mark.long(
    conformance("loss/lazy", plugins=PLUGINS, spec=ONE_WAY)
)
TestCaptioningLoss = pytest.mark.long(conformance("loss/captioning", plugins=PLUGINS))
TestContrastiveLoss = pytest.mark.long(conformance("loss/contrastive", plugins=PLUGINS))
TestBoxDataset = conformance("dataset/box", plugins=PLUGINS)

for _tests in (TestOneWayDiscriminator, TestBoxGenerator, TestMatchingPenalty):
    if hasattr(_tests, "test_compile"):  # takes seconds, and two first-party components are compiled
        _tests.test_compile = pytest.mark.long(_tests.test_compile)
