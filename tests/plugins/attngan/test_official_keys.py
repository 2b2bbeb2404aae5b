"""Official names in terms of this plugin's networks, forth and back, and what is said of other names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
import torch
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.official.exporting import official_discriminator, official_generator
from attnforge_attngan.official_keys import DISCRIMINATOR, GENERATOR, TEXT, load_official
from attnforge_attngan.stages import InitialStage, RefineStage
from attnforge_attngan.text import BiLSTM
from attnforge_gan.conditioning import Augmentation, Sentence
from attnforge_gan.discriminator import JointDiscriminator
from marked_parts import marked
from torch import Tensor

from attnforge.errors import RunError
from attnforge.interfaces import Build, Stage
from attnforge.specs import DiscriminatorSpec, GeneratorSpec, TextSpec

Read = Callable[[str], dict[str, Tensor]]
RUN = Path("run")


def generator(network: str, *, stages: int, base_size: int = 64) -> MultiStageGenerator:
    refine = partial(RefineStage, attention=WordAttention, residual_blocks=0 if network == "attndcgan" else 2)
    chain: list[Build[Stage]] = [InitialStage, *[refine] * (stages - 1)]
    made = MultiStageGenerator(
        GeneratorSpec(words=16),
        conditioner=partial(Augmentation, dim=20),
        stages=chain,
        channels=8,
        noise=12,
        base_size=base_size,
        images="last-stage" if network == "attndcgan" else "every-stage",
    )
    marked(made.conditioner, "conditioner", "augmentation")
    return made


def discriminator(size: int, *, norm: Literal["batch", "spectral"] = "batch") -> JointDiscriminator:
    spec = DiscriminatorSpec(image_size=size, sentence=16)
    return marked(JointDiscriminator(spec, channels=4, norm=norm), "discriminator", "joint")


def same(written: dict[str, Tensor], official: dict[str, Tensor]) -> bool:
    values = zip(written.values(), official.values(), strict=True)
    return list(written) == list(official) and all(torch.equal(one, other) for one, other in values)


@pytest.mark.parametrize(("network", "stages"), [("attngan", 3), ("attngan1", 2), ("attndcgan", 3)])
def test_a_generator_goes_back_to_its_official_names_shapes_and_order(
    official_weights: Read, network: str, stages: int
) -> None:
    official = official_weights(f"generator_{network}")
    ours = generator(network, stages=stages)
    load_official(ours, official, GENERATOR)
    assert same(official_generator(ours, source=RUN), official)


@pytest.mark.parametrize("size", [64, 128, 256])
def test_a_discriminator_goes_back_to_its_official_names_and_order(official_weights: Read, size: int) -> None:
    official = official_weights(f"discriminator{size}")
    ours = discriminator(size)
    load_official(ours, official, DISCRIMINATOR)
    assert same(official_discriminator(ours, source=RUN), official)


def test_the_prefix_of_several_gpus_and_missing_counts_of_batches_are_accepted(
    official_weights: Read,
) -> None:
    official = official_weights("discriminator64")
    old = {f"module.{name}": one for name, one in official.items() if not name.endswith("_tracked")}
    assert len(old) < len(official)
    ours = discriminator(64)
    load_official(ours, old, DISCRIMINATOR)
    assert same(official_discriminator(ours, source=RUN), official)


def test_everything_that_does_not_fit_is_listed_and_nothing_is_loaded(official_weights: Read) -> None:
    state = official_weights("text_encoder_LSTM")
    state["rnn.weight_ih_l0"] = state["rnn.weight_ih_l0"].T
    state["rnn.weight_ih_l1"] = state.pop("rnn.bias_hh_l0")
    network = BiLSTM(TextSpec(vocabulary_size=60), dim=16)
    before = network.embedding.weight.clone()
    with pytest.raises(RunError) as raised:
        load_official(network, state, TEXT, source="text_encoder200.pth")
    (problem,) = raised.value.problems
    assert problem.code == "other-checkpoint"
    assert str(problem.place) == "text_encoder200.pth"
    for part in (
        "not in the recipe's network: rnn.weight_ih_l1",
        "missing from the file: rnn.bias_hh_l0",
        "of different shapes: rnn.weight_ih_l0",
    ):
        assert part in problem.message
    assert torch.equal(network.embedding.weight, before)


def test_the_file_of_another_network_is_recognised(official_weights: Read) -> None:
    with pytest.raises(RunError) as raised:
        load_official(generator("attngan", stages=3), official_weights("discriminator64"), GENERATOR)
    assert "this is an official discriminator" in str(raised.value)
    assert "state dict of the generator" in str(raised.value)


def test_a_first_stage_of_another_size_has_no_official_counterpart() -> None:
    with pytest.raises(RunError) as raised:
        official_generator(generator("attngan", stages=2, base_size=16), source=RUN)
    assert [problem.code for problem in raised.value.problems] == ["no-official-counterpart"]


def test_another_conditioner_has_no_official_counterpart() -> None:
    network = MultiStageGenerator(
        GeneratorSpec(words=16), conditioner=Sentence, stages=[InitialStage], channels=8
    )
    with pytest.raises(RunError) as raised:
        official_generator(network, source=RUN)
    assert "no counterpart of this run: Sentence" in str(raised.value)


def test_spectral_normalisation_has_no_official_counterpart() -> None:
    network = discriminator(64, norm="spectral")
    with pytest.raises(RunError) as raised:
        official_discriminator(network, source=RUN)
    assert "trunk.0.convolution.parametrizations" in str(raised.value)
