"""Synchronised batch normalisation: parts of a batch in several processes are one batch."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from parts_of_batches import PARTS, WHOLE, draw, generator, noise, pass_through
from processes import in_processes
from torch import Tensor, nn

from attnforge.adversarial.normalisation import SynchronisedBatchNorm, synchronise


def synchronised(layer: nn.Module) -> nn.Module:
    """A copy that is synchronised."""
    container = nn.Sequential(copy.deepcopy(layer))
    synchronise(container)
    return container[0]


def is_one_batch(parts: list[dict[str, Tensor]], whole: dict[str, Tensor]) -> None:
    """What two processes computed is what one computes of the whole batch."""
    first, second = parts
    assert first.keys() == second.keys() == whole.keys()
    for name, values in whole.items():
        if name in ("output", "input"):
            torch.testing.assert_close(torch.cat([first[name], second[name]]), values)
        elif name.startswith("gradient "):
            torch.testing.assert_close(first[name] + second[name], values)
        else:
            torch.testing.assert_close(first[name], values)
            torch.testing.assert_close(second[name], values)


@pytest.mark.parametrize("shape", [(8, 4, 3, 5), (8, 6)], ids=["maps", "vectors"])
def test_parts_in_two_processes_give_what_the_whole_batch_gives(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    plain = nn.BatchNorm2d(shape[1]) if len(shape) == 4 else nn.BatchNorm1d(shape[1])
    for place, values in enumerate(plain.double().parameters()):
        values.data = 1.0 + noise(*values.shape, seed=place)
    batch, weights = 100 + noise(*shape, seed=8), noise(*shape, seed=9)
    given = [(synchronised(plain), batch[part], weights[part]) for part in PARTS]
    is_one_batch(in_processes(pass_through, given, tmp_path), pass_through(plain, batch, weights))


def test_a_synchronised_generator_learns_in_two_processes_as_in_one(tmp_path: Path) -> None:
    whole = draw("batch", WHOLE)
    assert sum(name.startswith("gradient ") for name in whole) > 10
    is_one_batch(in_processes(draw, [("synchronised", part) for part in PARTS], tmp_path), whole)


def test_without_synchronising_the_parts_are_normalised_by_themselves(tmp_path: Path) -> None:
    parts = in_processes(draw, [("batch", part) for part in PARTS], tmp_path)
    apart = torch.cat([part["output"] for part in parts])
    assert (apart - draw("batch", WHOLE)["output"]).abs().max() > 0.01


def test_in_evaluation_every_process_uses_the_statistics_that_it_kept(tmp_path: Path) -> None:
    plain = nn.BatchNorm2d(4).double().eval()
    batch, weights = 3 + noise(8, 4, 2, 2), noise(8, 4, 2, 2, seed=1)
    given = [(synchronised(plain), batch[part], weights[part]) for part in PARTS]
    is_one_batch(in_processes(pass_through, given, tmp_path), pass_through(plain, batch, weights))


@pytest.mark.parametrize("momentum", [0.3, None], ids=["moving", "cumulative"])
def test_statistics_move_as_those_of_batch_normalisation(momentum: float | None, tmp_path: Path) -> None:
    plain = nn.BatchNorm1d(4, momentum=momentum).double()
    plain(noise(8, 4, seed=7))  # one batch before, so that the second has a share
    batch = 3 + noise(8, 4)
    given = [(synchronised(plain), batch[part], torch.ones(1)) for part in PARTS]
    parts = in_processes(pass_through, given, tmp_path)
    whole = pass_through(plain, batch, torch.ones(1))
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(parts[0][name], whole[name])


def test_half_precision_is_normalised_in_single(tmp_path: Path) -> None:
    batch = (1000 + 30 * noise(8, 4, 6, 6)).to(torch.bfloat16)
    plain = nn.BatchNorm2d(4)
    given = [(synchronised(plain), batch[part], torch.ones(1)) for part in PARTS]
    parts = in_processes(pass_through, given, tmp_path)
    assert {part["output"].dtype for part in parts} == {torch.bfloat16}
    together = torch.cat([part["output"] for part in parts]).float()
    torch.testing.assert_close(together, plain(batch.float()), atol=0.01, rtol=0.01)
    torch.testing.assert_close(parts[0]["running_var"], plain.running_var)


def test_in_one_process_it_is_batch_normalisation_to_the_last_bit() -> None:
    modules = list(generator("synchronised").modules())
    assert any(isinstance(module, SynchronisedBatchNorm) for module in modules)
    assert not any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in modules)
    one = draw("synchronised", WHOLE)
    for name, values in draw("batch", WHOLE).items():
        assert torch.equal(one[name], values), name


def test_either_generator_takes_the_others_weights() -> None:
    plain, other = generator("batch"), generator("synchronised")
    assert list(plain.state_dict()) == list(other.state_dict())
    for values in plain.state_dict().values():
        values.fill_(7)
    other.load_state_dict(plain.state_dict())
    assert all(bool((values == 7).all()) for values in other.state_dict().values())
    plain.load_state_dict(generator("synchronised").state_dict())
    for name, values in generator("batch").state_dict().items():
        assert torch.equal(values, plain.state_dict()[name]), name
