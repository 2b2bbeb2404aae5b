"""The engine: what it lays out, rounds and optimizes, and that it changes nothing unless told."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from attnforge.compute.engine import Engine, set_learning_rate
from attnforge.errors import AttnforgeError
from attnforge.recipe.schema import Training
from attnforge.storage.optimizer_state import load_optimizer_state, optimizer_state

CPU = torch.device("cpu")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


def learn(trained: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for step in range(steps):
        images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        trained(images).square().mean().backward()
        optimizer.step()


def test_a_recipe_describes_its_engine() -> None:
    training = Training(channels_last=True, cuda_graphs=True)
    on_gpu = Engine.of(training, torch.device("cuda"))
    assert (on_gpu.precision, on_gpu.channels_last, on_gpu.cuda_graphs) == ("float32", True, True)
    assert Engine.of(Training(precision="bf16"), CPU).precision == "bf16"
    assert not Engine.of(training, CPU).cuda_graphs, "there is nothing to record on a CPU"


def test_nothing_is_rounded_or_laid_out_anew_unless_told() -> None:
    engine, trained = Engine(), network()
    with engine.autocast():
        assert not torch.is_autocast_enabled("cpu")
    assert engine.arranged(trained) is trained
    images = torch.zeros(2, 3, 8, 8)
    assert engine.arranged_images(images, trained) is images
    assert trained[0].weight.is_contiguous()


def test_bf16_rounds_products_and_keeps_weights() -> None:
    trained, engine = network(), Engine(precision="bf16")
    with engine.autocast():
        drawn = trained(torch.zeros(2, 3, 8, 8))
    assert drawn.dtype is torch.bfloat16
    assert {weight.dtype for weight in trained.parameters()} == {torch.float32}


def test_channels_last_lays_out_networks_and_images() -> None:
    engine = Engine(channels_last=True)
    trained = engine.arranged(network())
    assert trained[0].weight.is_contiguous(memory_format=torch.channels_last)
    images = engine.arranged_images(torch.zeros(2, 3, 8, 8), trained)
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_by_default_channels_are_last_on_a_cpu_unless_weights_are_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Engine.of(Training(), CPU).channels_last is None
    engine, trained = Engine(channels_last=None), network()
    planes, last = torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8).to(memory_format=torch.channels_last)
    assert Engine(device=torch.device("meta"), channels_last=None).arranged_images(planes, trained) is planes
    assert engine.arranged(trained)[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert engine.arranged_images(planes, trained).is_contiguous(memory_format=torch.channels_last)
    monkeypatch.setattr("attnforge.compute.engine.MIN_PLANAR_WEIGHT", trained[0].weight.numel())
    planar = engine.arranged(network())
    assert planar[0].weight.is_contiguous()
    assert engine.arranged_images(last, planar).is_contiguous()


def test_adam_is_fused_and_equals_torchs_default_up_to_rounding() -> None:
    ours, theirs = network(), network()
    optimizer = Engine().adam(ours.parameters(), learning_rate=0.01, betas=(0.5, 0.999))
    assert optimizer.param_groups[0]["fused"]
    learn(ours, optimizer, 3)
    learn(theirs, torch.optim.Adam(theirs.parameters(), lr=0.01, betas=(0.5, 0.999)), 3)
    for actual, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("fused_first", [False, True])
def test_a_run_is_resumed_by_the_other_adam(fused_first: bool) -> None:
    def optimizer_of(trained: nn.Module, *, fused: bool) -> torch.optim.Adam:
        return torch.optim.Adam(trained.parameters(), lr=0.01, betas=(0.5, 0.999), fused=fused)

    whole, resumed = network(), network()
    before, after = optimizer_of(whole, fused=fused_first), optimizer_of(resumed, fused=not fused_first)
    learn(whole, before, 3)
    resumed.load_state_dict(whole.state_dict())
    load_optimizer_state(after, copy.deepcopy(optimizer_state(before)))
    assert after.param_groups[0]["fused"] is not fused_first
    learn(whole, before, 2)
    learn(resumed, after, 2)
    for actual, expected in zip(resumed.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(actual, expected)


def test_a_step_size_that_a_graph_reads_changes_where_it_is() -> None:
    trained = network()
    rate = torch.tensor(0.1)
    optimizer = torch.optim.Adam(trained.parameters(), lr=rate)
    set_learning_rate(optimizer, 0.25)
    assert optimizer.param_groups[0]["lr"] is rate
    assert float(rate) == 0.25
    plain = torch.optim.Adam(trained.parameters(), lr=0.1)
    set_learning_rate(plain, 0.25)
    assert plain.param_groups[0]["lr"] == 0.25


@pytest.mark.parametrize("saved_last", [False, True])
@pytest.mark.parametrize("resumed_last", [False, True])
def test_a_run_is_resumed_in_another_layout(saved_last: bool, resumed_last: bool) -> None:
    """The state on disk is the same in every layout, and moments lie as their weights do."""
    whole, first = network(), Engine(channels_last=saved_last)
    first.arranged(whole)
    optimizer = first.adam(whole.parameters(), learning_rate=0.1, betas=(0.5, 0.999))
    learn(whole, optimizer, 3)
    state = copy.deepcopy(optimizer_state(optimizer))
    moments = [value["exp_avg"] for value in state["state"].values()]
    assert all(one.is_contiguous() for one in moments)
    second = Engine(channels_last=resumed_last)
    resumed = second.arranged(network())
    resumed.load_state_dict({name: one.contiguous() for name, one in whole.state_dict().items()})
    later = second.adam(resumed.parameters(), learning_rate=0.1, betas=(0.5, 0.999))
    load_optimizer_state(later, state)
    for weight, values in later.state.items():
        assert values["exp_avg"].stride() == weight.stride()
        assert values["exp_avg_sq"].stride() == weight.stride()
    learn(whole, optimizer, 2)
    learn(resumed, later, 2)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_how_an_optimizer_computes_is_its_own_and_not_the_checkpoints() -> None:
    saved = network()
    before = torch.optim.Adam(saved.parameters(), lr=0.1, foreach=True)
    learn(saved, before, 2)
    state = optimizer_state(before)
    resumed = network()
    rate = torch.tensor(0.5)
    after = torch.optim.Adam(resumed.parameters(), lr=rate, fused=True)
    load_optimizer_state(after, state)
    (group,) = after.param_groups
    assert (group["fused"], group["foreach"]) == (True, None)
    assert group["lr"] is rate
    assert float(rate) == pytest.approx(0.1)
    learn(resumed, after, 1)


def test_counters_of_steps_stay_on_the_host_where_an_optimizer_reads_them() -> None:
    """Where they lay on the device, reading each of them waited for it, once a weight and step."""
    saved = network()
    before = torch.optim.Adam(saved.parameters(), lr=0.1)
    learn(saved, before, 2)
    elsewhere = network().to("meta")
    after = torch.optim.Adam(elsewhere.parameters(), lr=0.1)
    load_optimizer_state(after, optimizer_state(before))
    for values in after.state.values():
        assert values["step"].device == CPU
        assert values["exp_avg"].device.type == "meta"


def test_a_step_size_is_saved_as_a_number() -> None:
    trained = network()
    optimizer = torch.optim.Adam(trained.parameters(), lr=torch.tensor(0.1))
    (group,) = optimizer_state(optimizer)["param_groups"]
    assert type(group["lr"]) is float


def test_an_old_gpu_is_refused_for_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    gpu = torch.device("cuda")
    with pytest.raises(AttnforgeError) as error:
        Engine.of(Training(precision="bf16"), gpu)
    (problem,) = error.value.problems
    assert problem.code == "precision-refused"
    assert "7.5" in problem.message
    assert Engine.of(Training(), gpu).precision == "float32"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert Engine.of(Training(precision="bf16"), gpu).precision == "bf16"


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [({"avx512_bf16": True}, "bf16"), ({"avx2": True, "avx512_bf16": False}, "float32"), ({}, "float32")],
)
def test_auto_is_bfloat16_where_the_processor_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], chosen: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert Engine.of(Training(precision="auto"), CPU).precision == chosen


def test_auto_is_float32_where_torch_does_not_list_capabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert Engine.of(Training(precision="auto"), CPU).precision == "float32"
    assert Engine.of(Training(precision="auto"), torch.device("mps")).precision == "float32"


@pytest.mark.parametrize(("capability", "chosen"), [((7, 5), "float32"), ((8, 0), "bf16")])
def test_auto_on_a_gpu(monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], chosen: str) -> None:
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert Engine.of(Training(precision="auto"), torch.device("cuda")).precision == chosen
