"""A sample has the attention of its words over regions, by the run's own matching."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_run import tiny

from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.data.encoding import encode_captions
from attnforge.interfaces import ImageFeatures, Loss, TextFeatures
from attnforge.kernels.region_matching import region_attention
from attnforge.sampling.pipeline import Pipeline
from attnforge.sampling.region_maps import RegionMaps

RED = "a red bird with blue wings"
ADVERSARIAL_ALONE = (
    "losses={adversarial: hinge, damsm: null}",
    "phases.damsm={task: {use: damsm, gamma1: 7}, steps: 3, batch_size: 4}",
)


@pytest.fixture(scope="module")
def pipeline(trained: Path) -> Pipeline:
    return Pipeline.load(trained, device="cpu")


def parts_of(*overrides: str) -> Parts:
    recipe = assemble(tiny(*overrides))
    tokenizer = recipe.tokenizer()
    tokenizer.fit([RED])
    return Parts(recipe, tokenizer=tokenizer, device=torch.device("cpu"))


def gamma1_of(maps: RegionMaps | None) -> float:
    """The sharpness of a matching, from what it does: the logarithm of the highest ratio that it gives."""
    assert maps is not None
    words = torch.zeros(1, 16, 2)
    words[0, 0, 0] = words[0, 1, 1] = 1
    regions = torch.zeros(1, 16, 1, 2)
    regions[0, 0, 0, 0] = regions[0, 1, 0, 1] = 1000
    text = TextFeatures(words=words, sentence=torch.zeros(1, 16), padding=torch.zeros(1, 2, dtype=torch.bool))
    picked = maps.matcher.region_attention(text, ImageFeatures(regions=regions, image=torch.zeros(1, 16)))
    return float((picked[0, 0, 0, 0] / picked[0, 0, 0, 1]).log())


def test_each_word_shares_one_among_the_regions_of_the_largest_image(pipeline: Pipeline) -> None:
    for sample in pipeline.generate([RED], count=2, attention=True):
        assert sample.regions is not None
        assert sample.regions.shape == (6, 4, 4)
        np.testing.assert_allclose(sample.regions.sum(axis=(1, 2)), 1, atol=1e-5)


def test_the_regions_are_those_that_the_image_encoder_sees_in_the_drawn_image(pipeline: Pipeline) -> None:
    (sample,) = pipeline.generate([RED], attention=True)
    parts = pipeline.parts
    pixels = torch.from_numpy(sample.images[-1]).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.inference_mode():
        text = encode_captions(parts.text, parts.tokenizer, [RED], device=parts.device)
        seen = parts.image(pixels).regions
        expected = region_attention(text.words, seen, text.lengths, gamma1=4)[0]
    # the regions were computed before the image was rounded to bytes
    np.testing.assert_allclose(sample.regions, expected.numpy(), rtol=0.02, atol=1e-4)


def test_a_sample_without_attention_has_no_regions(pipeline: Pipeline) -> None:
    (sample,) = pipeline.generate([RED])
    assert sample.regions is None


def test_the_sharpness_is_that_of_the_recipe_s_loss() -> None:
    assert gamma1_of(RegionMaps.of(parts_of("losses.damsm.gamma1=3"))) == pytest.approx(3, rel=1e-3)


def test_without_such_a_loss_the_task_that_trained_the_encoders_knows() -> None:
    assert gamma1_of(RegionMaps.of(parts_of(*ADVERSARIAL_ALONE))) == pytest.approx(7, rel=1e-3)


def test_a_recipe_that_matches_nothing_has_no_region_maps() -> None:
    parts = parts_of("losses={adversarial: hinge, damsm: null}", "phases.damsm=null")
    assert RegionMaps.of(parts) is None


def test_no_other_loss_is_built() -> None:
    parts = parts_of()

    def refuse() -> Loss:
        raise AssertionError("built")

    parts.recipe = replace(parts.recipe, losses={"other": refuse, **parts.recipe.losses})
    assert RegionMaps.of(parts) is not None
