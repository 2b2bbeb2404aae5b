"""Checkpoints of the official StackGAN code: in and out without a difference, and everything else refused."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from golden_vectors import weights
from official_stackgan import discriminator, first_stage, second_stage
from official_stackgan_v2 import SIZES, official_judge, official_tree
from safetensors.torch import load_file
from torch import Tensor, nn

from attnforge.cli import run as attnforge

NETWORKS = {
    "stage1_generator": ("first", first_stage),
    "stage2_generator": ("generator", second_stage),
    "stage1_discriminator": ("discriminator-64", lambda: discriminator(1)),
    "stage2_discriminator": ("discriminator-256", lambda: discriminator(2)),
}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def saved(state: Any, path: Path) -> str:
    torch.save(state, path)
    return str(path)


@pytest.mark.parametrize("official", NETWORKS)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_round_trip_gives_the_same_tensors(
    official: str, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, (name, build) = weights("stackgan", official), NETWORKS[official]
    file = saved({f"{prefix}{key}": value for key, value in state.items()}, tmp_path / "netG.pth")
    assert attnforge(["import", "stackgan", file, "-o", str(tmp_path / "in")]) == 0
    ours = load_file(tmp_path / "in" / f"{name}.safetensors")
    network: nn.Module = build()
    assert same(ours, network.state_dict())
    assert (
        attnforge(["export", "stackgan", str(tmp_path / f"in/{name}.safetensors"), "-o", str(tmp_path)]) == 0
    )
    written = torch.load(tmp_path / f"{name}.pth", weights_only=True)
    assert same(written, state)
    capsys.readouterr()
    assert attnforge(["import", "stackgan", file, "-o", str(tmp_path / "in")]) == 1
    assert "export-exists" in capsys.readouterr().err


TREES: dict[str, tuple[str, Any]] = {
    "generator": ("generator", official_tree),
    "generator_unconditional": ("generator", lambda: official_tree(captions=False)),
    **{f"discriminator{size}": (f"discriminator-{size}", partial(official_judge, size)) for size in SIZES},
    "discriminator128_unconditional": ("discriminator-128", lambda: official_judge(128, captions=False)),
}


@pytest.mark.parametrize("official", TREES)
def test_a_round_trip_of_stackgan_v2(official: str, tmp_path: Path) -> None:
    name, build = TREES[official]
    state = {f"module.{key}": value for key, value in weights("stackgan_v2", official).items()}
    file = saved(state, tmp_path / "netG_210000.pth")
    assert attnforge(["import", "stackgan-v2", file, "-o", str(tmp_path)]) == 0
    ours = str(tmp_path / f"{name}.safetensors")
    assert same(load_file(ours), build().state_dict())
    assert attnforge(["export", "stackgan-v2", ours, "-o", str(tmp_path)]) == 0
    written = torch.load(tmp_path / f"{name}.pth", weights_only=True)
    assert same(written, state)
    assert list(written) == list(state)


def test_files_of_the_other_family_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for family, other in (("stackgan", "stackgan_v2"), ("stackgan-v2", "stackgan")):
        official = {"stackgan": "stage2_generator", "stackgan_v2": "generator"}[other]
        file = saved(weights(other, official), tmp_path / f"{other}.pth")
        assert attnforge(["import", family, file, "-o", str(tmp_path / "out")]) == 1
        error = capsys.readouterr().err
        assert "unknown-official-name" in error
        assert "ca_net.fc.bias" in error or "STAGE1_G" in error
    assert not (tmp_path / "out").exists()


def test_the_order_of_a_written_file_is_the_official_one(tmp_path: Path) -> None:
    state = weights("stackgan", "stage1_generator")
    file = saved(state, tmp_path / "netG.pth")
    assert attnforge(["import", "stackgan", file, "-o", str(tmp_path)]) == 0
    assert attnforge(["export", "stackgan", str(tmp_path / "first.safetensors"), "-o", str(tmp_path)]) == 0
    assert list(torch.load(tmp_path / "first.pth", weights_only=True)) == list(state)


def test_a_file_of_old_torch_without_counters(tmp_path: Path) -> None:
    state = weights("stackgan", "stage1_generator")
    old = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    assert len(old) < len(state)
    assert attnforge(["import", "stackgan", saved(old, tmp_path / "netG.pth"), "-o", str(tmp_path)]) == 0
    assert same(load_file(tmp_path / "first.safetensors"), first_stage().state_dict())


class Canary:
    """Asks to be unpickled by running a command."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def refused(state: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, name: str = "netG.pth") -> str:
    file = saved(state, tmp_path / name)
    assert attnforge(["import", "stackgan", file, "-o", str(tmp_path / "out")]) == 1
    assert not (tmp_path / "out").exists()
    return capsys.readouterr().err


def test_other_files_are_refused_and_their_tensors_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = weights("stackgan", "stage2_generator")
    error = refused({**state, "h_net1.fc.0.weight": torch.zeros(1)}, tmp_path, capsys)
    assert "unknown-official-name" in error
    assert "unknown: h_net1.fc.0.weight" in error
    less = {name: value for name, value in state.items() if name != "hr_joint.1.bias"}
    assert "missing: hr_joint.1.bias" in refused(less, tmp_path, capsys)
    assert "its tensors are conv.bias, conv.weight" in refused(
        {"conv.weight": torch.zeros(1), "conv.bias": torch.zeros(1)}, tmp_path, capsys
    )
    assert "unreadable-weights" in refused({"epoch": 3}, tmp_path, capsys)
    assert "exported as .npz" in refused(state, tmp_path, capsys, name="char-CNN-RNN.t7")


def test_code_in_a_file_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "unreadable-weights" in refused({"x": Canary(tmp_path / "canary")}, tmp_path, capsys)
    assert not (tmp_path / "canary").exists()


def test_a_missing_file_and_other_weights_of_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attnforge(["import", "stackgan", str(tmp_path / "no.pth"), "-o", str(tmp_path)]) == 1
    assert "missing-file" in capsys.readouterr().err
    saved({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    assert attnforge(["export", "stackgan", str(tmp_path / "x.safetensors"), "-o", str(tmp_path)]) == 1
    assert "unreadable-weights" in capsys.readouterr().err
