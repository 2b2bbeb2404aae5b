"""Checkpoints are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from attnforge.errors import RunError
from attnforge.storage.checkpoints import saving as subject
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.manifest import read_manifest
from attnforge.storage.checkpoints.retention import Retention
from attnforge.storage.checkpoints.saving import prepare_checkpoint, remove_partial, remove_surplus
from attnforge.storage.checkpoints.search import Damage, newest_checkpoint, read_checkpoint

CPU = torch.device("cpu")


class Words:
    """A tokenizer of a single word."""

    vocabulary_size = 2
    fingerprint = "f00d"

    def fit(self, captions: Any) -> None: ...

    def tokens(self, caption: str) -> list[str]:
        return ["Vögelchen"]

    def encode(self, caption: str) -> list[int]:
        return [1]

    def unknown(self, caption: str) -> list[str]:
        return []

    def state(self) -> dict[str, Any]:
        return {"words": ["Vögelchen"]}

    def load_state(self, state: Any) -> None: ...


def network(seed: int) -> nn.Sequential:
    """Weights, buffers of two types, and a weight that two layers share."""
    torch.manual_seed(seed)
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    return nn.Sequential(first, nn.BatchNorm1d(3), second)


def trained(seed: int) -> tuple[nn.Sequential, torch.optim.Adam]:
    model = network(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(4, 3)).square().sum().backward()
        optimizer.step()
    return model, optimizer


def save(folder: Path, step: int = 1, *, phase: str = "gan", keep: int = 2, **options: Any) -> Path:
    model, optimizer = trained(step)
    written = prepare_checkpoint(
        folder,
        phase=phase,
        step=step,
        networks={"generator": model},
        optimizers={"generator": optimizer},
        tokenizer=Words(),
        **options,
    ).write()
    remove_surplus(folder, phase=phase, retention=Retention(last=keep))
    return written


def opened(folder: Path) -> Checkpoint:
    checkpoint = read_checkpoint(folder)
    assert isinstance(checkpoint, Checkpoint), checkpoint
    return checkpoint


def newest(folder: Path, *, phase: str = "gan") -> Checkpoint | None:
    return newest_checkpoint(folder, phases=[phase]).checkpoint


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def only_code(error: pytest.ExceptionInfo[RunError]) -> str:
    (problem,) = error.value.problems
    return problem.code


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    checkpoint = opened(save(tmp_path, 7))
    assert (checkpoint.phase, checkpoint.step, checkpoint.fingerprint) == ("gan", 7, "f00d")
    assert checkpoint.networks() == ("generator",)
    assert checkpoint.tokenizer_state() == {"words": ["Vögelchen"]}
    model, optimizer = trained(7)
    found, its_optimizer = trained(8)
    checkpoint.load_network("generator", found)
    checkpoint.load_optimizers({"generator": its_optimizer})
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, found.state_dict()[name]), name
    for one, other in zip(
        optimizer.state_dict()["state"].values(), its_optimizer.state_dict()["state"].values(), strict=True
    ):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_newest_of_a_phase_are_kept_by_number(tmp_path: Path) -> None:
    save(tmp_path, 1, phase="gan-fine")
    save(tmp_path, 20_000_000, phase="gan-fine")
    for step in (5, 10_000_000, 20, 9_999_999):
        save(tmp_path, step)
    assert names(tmp_path) == ["gan-10000000", "gan-9999999", "gan-fine-0000001", "gan-fine-20000000"]
    found = newest(tmp_path)
    assert found is not None
    assert found.step == 10_000_000


def test_the_same_step_is_saved_over(tmp_path: Path) -> None:
    save(tmp_path, 3)
    (tmp_path / "gan-0000003/generator.safetensors").write_bytes(b"damaged")
    save(tmp_path, 3)
    assert names(tmp_path) == ["gan-0000003"]
    assert opened(tmp_path / "gan-0000003").step == 3


def fail_to_save(patch: pytest.MonkeyPatch) -> None:
    def full(tensors: Any, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    patch.setattr(subject, "save_file", full)


def fail_to_rename(patch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if ".partial-" in self.name:
            raise OSError(30, "Read-only file system")
        return rename(self, target)

    patch.setattr(Path, "rename", refuse)


def fail_to_flush(patch: pytest.MonkeyPatch) -> None:
    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    patch.setattr(os, "fsync", broken)


@pytest.mark.parametrize("step", [1, 2], ids=["the same step", "the next step"])
@pytest.mark.parametrize("fail", [fail_to_save, fail_to_rename, fail_to_flush])
def test_a_write_that_fails_leaves_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail: Callable[[pytest.MonkeyPatch], None], step: int
) -> None:
    save(tmp_path, 1, keep=1)
    with monkeypatch.context() as patch:
        fail(patch)
        with pytest.raises(RunError) as error:
            save(tmp_path, step, keep=1)
    assert only_code(error) == "checkpoint-not-written"
    assert names(tmp_path) == ["gan-0000001"]
    assert opened(tmp_path / "gan-0000001").step == 1


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError) as error:
        save(tmp_path / "file")
    assert only_code(error) == "checkpoint-not-written"
    assert str(tmp_path / "file") in str(error.value)


@pytest.mark.parametrize("file", ["generator.safetensors", "optimizers.pt", "tokenizer.json", "extra.json"])
@pytest.mark.parametrize("damage", ["changed", "shortened", "gone"])
def test_a_damaged_file_makes_the_checkpoint_count_as_absent(tmp_path: Path, file: str, damage: str) -> None:
    save(tmp_path, 1)
    save(tmp_path, 2, add=lambda folder: (folder / "extra.json").write_text("[1, 2]"))
    path = tmp_path / "gan-0000002" / file
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        changed = content[:-1] + bytes([content[-1] ^ 1])
        path.write_bytes(changed if damage == "changed" else content[:-1])
    found = newest(tmp_path)
    assert found is not None
    assert found.step == 1


@pytest.mark.parametrize(
    "manifest",
    ["", "{", "[]", "null", "{}", '{"sha256": null}', '{"sha256": []}', '{"sha256": {}}', "\udcff"],
)
def test_a_manifest_that_says_too_little_makes_the_checkpoint_count_as_absent(
    tmp_path: Path, manifest: str
) -> None:
    folder = save(tmp_path)
    (folder / "manifest.json").write_bytes(manifest.encode(errors="surrogateescape"))
    assert isinstance(read_checkpoint(folder), Damage)
    assert newest(tmp_path) is None


def test_a_phase_without_checkpoints_has_none(tmp_path: Path) -> None:
    (tmp_path / "gan-latest").mkdir()
    save(tmp_path, 1, phase="damsm")
    assert newest(tmp_path) is None
    assert newest(tmp_path / "nowhere") is None


def test_files_that_are_added_belong_to_the_checkpoint(tmp_path: Path) -> None:
    folder = save(tmp_path, add=lambda folder: (folder / "extra.json").write_text("[1, 2]"))
    assert (folder / "extra.json").read_text() == "[1, 2]"
    assert "extra.json" in json.loads((folder / "manifest.json").read_text())["sha256"]


def test_an_addition_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def add(folder: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save(tmp_path, add=add)
    assert names(tmp_path) == []


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path) -> None:
    save(tmp_path)
    half = tmp_path / ".partial-gan-0000002-4711"
    half.mkdir()
    (half / "generator.safetensors").write_bytes(b"half")
    remove_partial(tmp_path)
    assert names(tmp_path) == ["gan-0000001"]


def test_what_a_killed_run_was_about_to_replace_is_put_back(tmp_path: Path) -> None:
    save(tmp_path, 1).rename(tmp_path / ".replaced-gan-0000001")
    save(tmp_path, 2)
    remove_partial(tmp_path)
    assert names(tmp_path) == ["gan-0000001", "gan-0000002"]
    (tmp_path / ".replaced-gan-0000002").mkdir()
    remove_partial(tmp_path)
    assert names(tmp_path) == ["gan-0000001", "gan-0000002"]
    assert opened(tmp_path / "gan-0000002").step == 2


def test_a_network_that_does_not_fit_is_said(tmp_path: Path) -> None:
    checkpoint = opened(save(tmp_path))
    with pytest.raises(RunError) as error:
        checkpoint.load_network("generator", nn.Linear(3, 3))
    assert only_code(error) == "checkpoint-misfit"


def test_a_network_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    checkpoint = opened(save(tmp_path))
    with pytest.raises(RunError) as error:
        checkpoint.load_network("text", network(1))
    assert only_code(error) == "checkpoint-lacks-network"
    assert "generator" in str(error.value)


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "sprung"),)

    folder = save(tmp_path)
    torch.save({"generator": Trap()}, folder / "optimizers.pt")
    _, optimizer = trained(1)
    with pytest.raises(Exception, match="it contains code"):
        opened_without_looking(folder).load_optimizers({"generator": optimizer})
    assert not (tmp_path / "sprung").exists()


def opened_without_looking(folder: Path) -> Checkpoint:
    return Checkpoint(folder=folder, manifest=read_manifest(folder))
