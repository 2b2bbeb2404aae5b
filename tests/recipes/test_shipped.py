"""Every recipe that ships is right, can be frozen and built, and is as large as it should be."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from recipes_on_meta import built
from torch import nn

from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.recipe.library import library

pytestmark = pytest.mark.filterwarnings("ignore:the image encoder:UserWarning")

RECIPES = sorted(recipe.name for recipe in library(load_plugins()))
LAMBDAS = {"cub": ("0.1", "1", "10"), "coco": ("0.1", "1", "10", "100")}
SIZES = {  # channels and stages of the generator, residual blocks, channels of the discriminators
    "attngan": (32, 3, 2, 64),
    "attngan2-cub": (32, 3, 2, 64),
    "attngan1-cub": (32, 2, 2, 64),
    **{f"attngan1-cub-lambda-{one}": (32, 2, 2, 64) for one in LAMBDAS["cub"]},
    "attngan2-coco": (48, 3, 3, 96),
    "attngan1-coco": (48, 2, 3, 96),
    **{f"attngan1-coco-lambda-{one}": (48, 2, 3, 96) for one in LAMBDAS["coco"]},
    "attngan-plus-cub": (64, 3, 2, 32),
    "attngan-plus-coco": (64, 3, 3, 32),
    "attngan-r3-cub": (32, 3, 2, 64),
    "attngan-modern-cub": (32, 3, 2, 64),
    "attngan-modern-coco": (48, 3, 3, 96),
}


def size(network: object) -> int:
    assert isinstance(network, nn.Module)
    return sum(parameter.numel() for parameter in network.parameters())


def generator_size(g: int, stages: int, blocks: int, images: int, *, words: int = 256) -> int:
    """Parameters of AttnGAN's generator with `g` channels, counted layer by layer."""
    condition = words * 400 + 400
    first = 200 * 512 * g + 2 * 512 * g + sum(9 * c * c + 2 * c for c in (16 * g, 8 * g, 4 * g, 2 * g))
    residual = 9 * 2 * g * 4 * g + 2 * 4 * g + 9 * 2 * g * 2 * g + 2 * 2 * g
    refine = words * g + blocks * residual + 9 * 2 * g * 2 * g + 2 * 2 * g
    return condition + first + (stages - 1) * refine + images * 27 * g


def discriminator_size(
    d: int, pixels: int, *, heads: int = 2, spectral: bool = False, words: int = 256
) -> int:
    """Parameters of a discriminator with `d` channels; a bias stands for two numbers of normalisation."""
    halving = {64: [1, 2, 4, 8], 128: [1, 2, 4, 8, 16], 256: [1, 2, 4, 8, 16, 32]}[pixels]
    back = halving[-1:3:-1]
    strided = sum(16 * before * d * after * d for before, after in pairwise(halving))
    plain = sum(9 * width * d * width * d // 2 for width in back)
    joint = 9 * (8 * d + words) * 8 * d
    normalised = d * (sum(halving[1:]) + sum(width // 2 for width in back) + 8)
    beside = normalised + d if spectral else 2 * normalised
    return 48 * d + strided + plain + joint + beside + heads * (16 * 8 * d + 1)


def discriminator_sizes(name: str) -> list[int]:
    return [size(judge) for judge in built(name).discriminators]


@pytest.mark.parametrize("name", RECIPES)
def test_freezing_keeps_the_digest(name: str, tmp_path: Path) -> None:
    resolved = resolve(name)
    frozen = tmp_path / "frozen.yaml"
    frozen.write_text(resolved.frozen())
    assert resolve(frozen).digest == resolved.digest
    assert resolved.data()["summary"]


def test_no_two_recipes_are_the_same() -> None:
    resolved = [resolve(name) for name in RECIPES]
    assert len({one.digest for one in resolved}) == len(RECIPES)
    assert len({one.data()["summary"] for one in resolved}) == len(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_every_task_gets_the_parts_that_it_needs(name: str) -> None:
    parts = built(name)
    for phase in parts.recipe.phases.values():
        needs = phase.task.target.needs  # type: ignore[attr-defined]
        task = phase.task(parts.task_spec(needs))
        encoders = {"text"} if parts.recipe.image is None else {"text", "image"}
        assert encoders <= set(task.networks())
        assert task.optimizers()


def test_the_counts_of_this_test_are_those_that_are_known_of_the_official_networks() -> None:
    assert generator_size(32, 3, 2, 3) == 7_084_592
    assert generator_size(48, 3, 3, 3) == 13_811_456
    sides = (64, 128, 256)
    assert [discriminator_size(64, side) for side in sides] == [6_313_730, 19_424_002, 71_858_946]
    assert [discriminator_size(96, side) for side in sides] == [13_304_450, 42_800_258, 160_774_274]


@pytest.mark.parametrize("name", SIZES)
def test_networks_have_the_size_of_the_official_ones(name: str) -> None:
    channels, stages, blocks, judging = SIZES[name]
    spectral = any(word in name for word in ("plus", "r3", "modern"))
    # each refining stage adds a projection of the noise to its input
    noise = (stages - 1) * 100 * channels if "modern" in name else 0
    sides = [64 << stage for stage in range(stages)]
    assert size(built(name).generator) == generator_size(channels, stages, blocks, stages) + noise
    judges = [discriminator_size(judging, side, spectral=spectral) for side in sides]
    assert discriminator_sizes(name) == judges
    assert built(name).image_size == sides[-1]


def test_reeds_sentences_of_width_1024_make_conditioning_wider() -> None:
    name = "attngan1-cub-no-damsm"
    assert size(built(name).text) == 4_045_184
    assert size(built(name).generator) == generator_size(32, 2, 2, 2, words=1024) == 7_148_368
    assert discriminator_sizes(name) == [discriminator_size(64, side, words=1024) for side in (64, 128)]


def test_attndcgan_draws_one_image_and_judges_it_only_with_its_sentence() -> None:
    parts = built("attndcgan-cub")
    assert size(parts.generator) == generator_size(32, 3, 0, 1)
    assert discriminator_sizes("attndcgan-cub") == [discriminator_size(64, 256, heads=1)]
    assert parts.generator is not None
    assert parts.generator.image_sizes == (256,)


@pytest.mark.parametrize(
    ("name", "phase"),
    [("damsm-cub", "damsm"), ("damsm-coco", "damsm"), ("reed-cub", "joint-embedding")],
)
def test_recipes_of_encoders_draw_nothing(name: str, phase: str) -> None:
    parts = built(name)
    assert parts.generator is None
    assert parts.discriminators == ()
    assert parts.losses == {}
    assert list(parts.recipe.phases) == [phase]
    assert parts.image_size == 299


@pytest.mark.parametrize(
    ("name", "vocabulary", "parameters"),
    [("attngan2-cub", 5_450, 2_075_320), ("attngan2-coco", 27_297, 8_629_420)],
)
def test_text_encoders_have_the_size_of_the_official_ones(
    name: str, vocabulary: int, parameters: int
) -> None:
    parts = built(name, vocabulary - 1)
    assert parts.tokenizer.vocabulary_size == vocabulary
    assert size(parts.text) == parameters


def test_every_recipe_for_a_data_set_is_counted() -> None:
    encoders = {"attndcgan-cub", "damsm-cub", "damsm-coco", "reed-cub", "attngan1-cub-no-damsm"}
    counted = ("df-gan", "ssa-gan", "rat-gan", "gan-int-cls", "gawwn-box", "stackgan")
    families = {name for name in RECIPES if name.startswith((*counted, "gawwn"))}
    on_a_cpu = {"quickstart", "quickstart-folder", "r3-sketch-birds", "reed-sketch-birds"}
    on_a_cpu |= {"attngan1-sketch-birds", "attngan2-sketch-birds", "attngan-plus-sketch-birds"}
    on_a_cpu |= {"damsm-sketch-birds", "damsm-sketch-birds-independent"}
    priors = {"denoiser-cub", "denoiser-sketch-birds"}  # their generators are those of other recipes
    assert {*SIZES, *encoders, *families, *on_a_cpu, *priors} == set(RECIPES)
    # tests of these families count their weights at the published sizes
    assert {f"{name}-cub" for name in counted} <= families
