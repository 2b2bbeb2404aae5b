"""Synchronised batch normalisation: parts of a batch in several processes are one batch."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
import torch
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.conditioning import Sentence
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.normalisation import SynchronisedBatchNorm, synchronise
from attnforge_attngan.stages import InitialStage, RefineStage
from processes import in_processes
from torch import Tensor, nn

from attnforge.interfaces import TextFeatures
from attnforge.specs import GeneratorSpec

PARTS = (slice(0, 3), slice(3, 8))
"""Which pictures of a batch of 8 each process has."""


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def norm(layer: nn.Module) -> nn.Module:
    """A layer with weights and statistics that are not those of a new one."""
    for place, values in enumerate(layer.parameters()):
        values.data = 1.0 + noise(*values.shape, seed=place)
    return layer.double()


def pass_through(layer: nn.Module, batch: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Everything that a step computes, for a loss that weighs each output."""
    batch = batch.clone().requires_grad_()
    output = layer(batch)
    (output * weights).sum().backward()
    gradients = {f"gradient {name}": weight.grad for name, weight in layer.named_parameters()}
    assert batch.grad is not None
    own = {name: values.clone() for name, values in layer.state_dict().items()}
    return {"output": output.detach(), "input": batch.grad, **gradients, **own}  # type: ignore[dict-item]


@pytest.mark.parametrize("shape", [(8, 4, 3, 5), (8, 6)], ids=["maps", "vectors"])
def test_parts_in_two_processes_give_what_the_whole_batch_gives(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    plain = norm(nn.BatchNorm2d(shape[1]) if len(shape) == 4 else nn.BatchNorm1d(shape[1]))
    container = nn.Sequential(copy.deepcopy(plain))
    synchronise(container)
    batch, weights = 100 + noise(*shape, seed=8), noise(*shape, seed=9)

    def work(number: int) -> dict[str, Tensor]:
        part = PARTS[number]
        return pass_through(container[0], batch[part], weights[part])

    parts = in_processes(2, work, tmp_path)
    whole = pass_through(plain, batch, weights)
    for name in ("output", "input"):
        torch.testing.assert_close(torch.cat([part[name] for part in parts]), whole[name])
    for name in ("gradient weight", "gradient bias"):
        torch.testing.assert_close(parts[0][name] + parts[1][name], whole[name])
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        for part in parts:
            torch.testing.assert_close(part[name], whole[name])


def generator(norm: Literal["batch", "synchronised"]) -> MultiStageGenerator:
    torch.manual_seed(5)
    return MultiStageGenerator(
        GeneratorSpec(words=6),
        conditioner=Sentence,
        stages=[InitialStage, partial(RefineStage, attention=WordAttention, residual_blocks=1)],
        channels=4,
        base_size=8,
        noise=3,
        norm=norm,
    ).double()


def play(network: MultiStageGenerator, part: slice) -> dict[str, Tensor]:
    """Draw a part of a batch in training mode and give pictures, gradients and statistics."""
    text = TextFeatures(
        words=noise(8, 6, 5, seed=1)[part],
        sentence=noise(8, 6, seed=2)[part],
        padding=torch.zeros(8, 5, dtype=torch.bool)[part],
    )
    pictures = network.train()(noise(8, 3)[part], text).images[-1]
    (pictures * noise(8, 3, 16, 16, seed=3)[part]).sum().backward()
    gradients = {f"gradient {name}": weight.grad for name, weight in network.named_parameters()}
    return {"pictures": pictures.detach(), **gradients, **dict(network.named_buffers())}  # type: ignore[dict-item]


def test_a_synchronised_generator_learns_in_two_processes_as_in_one(tmp_path: Path) -> None:
    whole = play(generator("batch"), slice(0, 8))
    parts = in_processes(2, lambda number: play(generator("synchronised"), PARTS[number]), tmp_path)
    torch.testing.assert_close(torch.cat([part["pictures"] for part in parts]), whole["pictures"])
    for name, values in whole.items():
        if name.startswith("gradient "):
            torch.testing.assert_close(parts[0][name] + parts[1][name], values, msg=name)
        elif name != "pictures":
            torch.testing.assert_close(parts[1][name], values, msg=name)


def test_without_synchronising_the_parts_differ_from_the_whole(tmp_path: Path) -> None:
    whole = play(generator("batch"), slice(0, 8))
    parts = in_processes(2, lambda number: play(generator("batch"), PARTS[number]), tmp_path)
    assert (torch.cat([part["pictures"] for part in parts]) - whole["pictures"]).abs().max() > 0.01


def test_in_one_process_it_is_batch_normalisation_to_the_last_bit() -> None:
    plain, synchronised = generator("batch"), generator("synchronised")
    assert any(isinstance(module, SynchronisedBatchNorm) for module in synchronised.modules())
    assert not any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in synchronised.modules())
    for name, values in play(plain, slice(0, 8)).items():
        assert torch.equal(play(copy.deepcopy(synchronised), slice(0, 8))[name], values), name


def test_either_generator_takes_the_others_weights() -> None:
    plain, synchronised = generator("batch"), generator("synchronised")
    play(plain, slice(0, 8))
    assert list(plain.state_dict()) == list(synchronised.state_dict())
    synchronised.load_state_dict(plain.state_dict())
    plain.load_state_dict(synchronised.state_dict())
    for name, values in plain.state_dict().items():
        assert torch.equal(values, synchronised.state_dict()[name]), name


def test_half_precision_is_normalised_in_single(tmp_path: Path) -> None:
    layer = nn.Sequential(nn.BatchNorm2d(4))
    synchronise(layer)
    batch = (1000 + noise(8, 4, 6, 6)).to(torch.bfloat16)
    parts = in_processes(2, lambda number: layer(batch[PARTS[number]]).detach(), tmp_path)
    whole = nn.BatchNorm2d(4)(batch.float())
    assert {part.dtype for part in parts} == {torch.bfloat16}
    torch.testing.assert_close(torch.cat(parts).float(), whole, atol=0.02, rtol=0.01)
