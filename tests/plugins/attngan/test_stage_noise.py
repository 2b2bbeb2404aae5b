"""The noise in a refining stage: added to its input map, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.stages import RefineStage

from attnforge.errors import RecipeError
from attnforge.interfaces import TextFeatures
from attnforge.specs import StageSpec

SPEC = StageSpec(channels=4, in_channels=4, in_size=8, out_size=16, condition=7, words=6, noise=3)


def test_the_noise_is_added_to_every_pixel_of_the_input_map() -> None:
    torch.manual_seed(0)
    attention = partial(WordAttention, kernel="reference")
    stage = RefineStage(SPEC, attention=attention, residual_blocks=1, noise=True).eval()
    assert stage.noise is not None
    hidden, condition = torch.randn(2, 4, 8, 8), torch.randn(2, 7)
    text = TextFeatures(torch.randn(2, 6, 5), torch.randn(2, 6), torch.zeros(2, 5, dtype=torch.bool))
    moved = hidden + (condition[:, 4:] @ stage.noise.weight.T)[:, :, None, None]
    with torch.no_grad():
        expected = stage(moved, torch.zeros(2, 7), text).hidden
        torch.testing.assert_close(stage(hidden, condition, text).hidden, expected)
        sentence_changed = condition + torch.eye(7)[:1]
        torch.testing.assert_close(stage(hidden, sentence_changed, text).hidden, expected)
        assert not torch.allclose(stage(hidden, condition + torch.eye(7)[-1:], text).hidden, expected)


def test_a_stage_whose_generator_passes_no_noise_is_refused() -> None:
    with pytest.raises(RecipeError) as caught:
        RefineStage(replace(SPEC, noise=0), attention=WordAttention, noise=True)
    assert caught.value.problems[0].code == "stage-noise"
