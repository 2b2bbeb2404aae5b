"""The moving average of the generator: its weights, its statistics, and what is saved of them."""

from __future__ import annotations

import copy
from math import prod
from typing import Any

import pytest
import torch
from small_game import at, play, spec, state
from torch import Tensor, nn

from attnforge.adversarial.averaging import Average, WeightAverage
from attnforge.adversarial.task import AdversarialTask
from attnforge.interfaces import Progress
from attnforge.run.tasks import sampling_network

CHOICES = ["copy", "average", "recompute"]


def statistics(network: nn.Module) -> dict[str, Tensor]:
    """Means and variances of batch normalisation."""
    found = {name: one.clone() for name, one in network.named_buffers() if name.endswith(("mean", "var"))}
    assert found
    return found


def counters(network: nn.Module) -> list[int]:
    return [int(one) for name, one in network.named_buffers() if name.endswith("tracked")]


def live_and_average(task: AdversarialTask) -> tuple[nn.Module, nn.Module]:
    return task.networks()["generator"], task.networks()["generator-average"]


def adversarial_task(**options: Any) -> AdversarialTask:
    average = Average(decay=0.9, **options)
    return AdversarialTask(spec(), average=average, generator_learning_rate=0.05)


@pytest.mark.parametrize("choice", CHOICES)
def test_the_weights_are_the_moving_average_whatever_becomes_of_the_statistics(choice: str) -> None:
    task = adversarial_task(buffers=choice)
    live, average = live_and_average(task)
    expected = {name: weight.detach().clone() for name, weight in live.named_parameters()}
    for step in range(3):
        play(task, seed=step)
        for name, weight in live.named_parameters():
            expected[name] = 0.9 * expected[name] + 0.1 * weight.detach()
    for name, weight in average.named_parameters():
        torch.testing.assert_close(weight.detach(), expected[name], rtol=1e-5, atol=1e-6)


def test_statistics_are_copied_as_the_official_code_does() -> None:
    task = adversarial_task()
    for step in range(2):
        play(task, seed=step)
    live, average = live_and_average(task)
    for name, value in statistics(live).items():
        assert torch.equal(value, statistics(average)[name])


def test_statistics_can_be_averaged_like_weights_and_counters_are_copied() -> None:
    task = adversarial_task(buffers="average")
    live, average = live_and_average(task)
    expected = statistics(live)
    for step in range(3):
        play(task, seed=step)
        expected = {name: 0.9 * expected[name] + 0.1 * value for name, value in statistics(live).items()}
    for name, value in statistics(average).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)
        assert not torch.equal(value, statistics(live)[name])
    assert counters(average) == counters(live) == [3] * len(counters(live))


def test_recomputed_statistics_are_those_of_what_the_averaged_network_computes() -> None:
    task = adversarial_task(buffers="recompute")
    _, average = live_and_average(task)
    layers = {name: one for name, one in average.named_modules() if isinstance(one, nn.BatchNorm2d)}
    assert layers
    seen: dict[str, Tensor] = {}
    for name, layer in layers.items():
        layer.register_forward_pre_hook(lambda _, given, name=name: seen.update({name: given[0].detach()}))
    expected = {
        name: (layer.running_mean.clone(), layer.running_var.clone()) for name, layer in layers.items()
    }
    for step in range(3):
        play(task, seed=step)
        for name, (mean, variance) in expected.items():
            pixels = seen[name].transpose(0, 1).flatten(1)
            expected[name] = (
                0.9 * mean + 0.1 * pixels.mean(dim=1),
                0.9 * variance + 0.1 * pixels.var(dim=1, unbiased=True),
            )
    for name, layer in layers.items():
        torch.testing.assert_close(layer.running_mean, expected[name][0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(layer.running_var, expected[name][1], rtol=1e-4, atol=1e-5)
    assert not any(weight.grad is not None for weight in average.parameters())


def mean_maps(task: AdversarialTask) -> Tensor:
    """How far the averaged network's normalised maps are from mean 0 in evaluation mode, a channel each."""
    _, average = live_and_average(task)
    average.eval()
    found: list[Tensor] = []
    for layer in (one for one in average.modules() if isinstance(one, nn.BatchNorm2d)):
        layer.register_forward_hook(
            lambda one, _, out: found.append(
                ((out.mean(dim=(0, 2, 3)) - one.bias) / one.weight).detach().abs()
            )
        )
    torch.manual_seed(3)
    text = task.text(torch.randint(1, 9, (32, 5)), torch.full((32,), 5))
    with torch.no_grad():
        average(torch.randn(32, 3), text)
    return torch.cat(found)


def test_recomputed_statistics_fit_the_averaged_weights_better_than_copied_ones() -> None:
    """The live weights have moved far in thirty large steps, the average of decay 0.999 hardly."""
    off = {}
    for choice in ("copy", "recompute"):
        average = Average(decay=0.999, buffers=choice)
        task = AdversarialTask(spec(), average=average, generator_learning_rate=0.05)
        for step in range(30):
            play(task, seed=step)
        off[choice] = float(mean_maps(task).mean())
    assert off["recompute"] < 0.5 * off["copy"], off


@pytest.mark.parametrize("choice", CHOICES)
def test_what_the_average_looks_at_changes_nothing_that_is_trained(choice: str) -> None:
    plain, other = adversarial_task(), adversarial_task(buffers=choice)
    for step in range(2):
        assert play(plain, seed=step) == play(other, seed=step)
    for name, network in plain.networks().items():
        if name != "generator-average":
            for key, tensor in network.state_dict().items():
                assert torch.equal(tensor, other.networks()[name].state_dict()[key]), f"{name} {key}"


@pytest.mark.parametrize("choice", CHOICES)
def test_a_resumed_average_continues_bit_for_bit(choice: str) -> None:
    straight = adversarial_task(buffers=choice)
    play(straight, seed=1)
    saved = {name: state(network) for name, network in straight.networks().items()}
    moments = {name: copy.deepcopy(one.state_dict()) for name, one in straight.optimizers().items()}
    resumed = adversarial_task(buffers=choice)
    for name, network in resumed.networks().items():
        network.load_state_dict(saved[name])
    for name, optimizer in resumed.optimizers().items():
        optimizer.load_state_dict(moments[name])
    for seed in (2, 3):
        assert play(resumed, seed=seed) == play(straight, seed=seed)
    for key, tensor in straight.networks()["generator-average"].state_dict().items():
        assert torch.equal(tensor, resumed.networks()["generator-average"].state_dict()[key]), key


def test_without_an_average_images_are_generated_with_the_trained_weights() -> None:
    task, averaged = AdversarialTask(spec(), average=None), AdversarialTask(spec())
    assert play(task) == play(averaged)
    assert "generator-average" not in task.networks()
    assert sampling_network(task) is task.networks()["generator"]
    assert sampling_network(averaged) is averaged.networks()["generator-average"]


def progress(step: int, *, batch_size: int = 4) -> Progress:
    return Progress(step=step, steps=1000, batch_size=batch_size, images=100)


def test_a_decay_is_the_same_in_every_step_and_for_every_batch() -> None:
    average = Average(decay=0.9, ramp_up=0.5)
    assert {average.decay_at(progress(step, batch_size=size)) for step in (0, 9) for size in (1, 8)} == {0.9}


def test_a_half_life_is_counted_in_images_whatever_the_batch_size() -> None:
    average = Average(half_life=32)
    for size in (1, 4, 8):
        share = prod(average.decay_at(progress(step, batch_size=size)) for step in range(32 // size))
        assert share == pytest.approx(0.5)


def test_a_ramp_lets_the_average_forget_its_start_and_ends_at_the_half_life() -> None:
    average = Average(half_life=100, ramp_up=0.05)
    for step in range(10):
        half_life = 0.05 * 4 * (step + 1)
        assert average.decay_at(progress(step)) == pytest.approx(0.5 ** (4 / half_life))
    assert average.decay_at(progress(498)) < average.decay_at(progress(499)) == 0.5 ** (4 / 100)
    assert average.decay_at(progress(900)) == Average(half_life=100).decay_at(progress(900))


def test_a_task_averages_with_the_decay_of_the_step() -> None:
    average = Average(half_life=16, ramp_up=0.5)
    task = AdversarialTask(spec(), average=average, generator_learning_rate=0.05)
    live, averaged = live_and_average(task)
    expected = {name: weight.detach().clone() for name, weight in live.named_parameters()}
    for step in range(3):
        play(task, progress=step / 20, seed=step)
        decay = average.decay_at(at(step / 20))
        for name, weight in live.named_parameters():
            expected[name] = decay * expected[name] + (1 - decay) * weight.detach()
    assert average.decay_at(at(0)) < average.decay_at(at(2 / 20))
    for name, weight in averaged.named_parameters():
        torch.testing.assert_close(weight.detach(), expected[name], rtol=1e-5, atol=1e-6)


def test_an_average_keeps_a_network_of_its_own() -> None:
    live = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = WeightAverage(live, Average(decay=0.5))
    first = live[0].weight.detach().clone()
    with torch.no_grad():
        live[0].weight.add_(4)
    assert torch.equal(average.network[0].weight, first)
    average.update(live, progress=at(0))
    torch.testing.assert_close(average.network[0].weight.detach(), first + 2)
