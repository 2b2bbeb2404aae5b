"""No hook changes what a checkpoint is sealed with, and what is changed later is noticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_run import TINY
from torch import Tensor, nn

from attnforge.plugin import hookimpl, load_plugins
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import Damage, newest_checkpoint, read_checkpoint
from attnforge.train.progress import ConsoleReporter

SHORT = (
    "phases.damsm.steps=1",
    "phases.gan.checkpoint_every=1",
    "phases.gan.sample_every=0",
    "evaluation.metrics={}",
)
FORGED = b"forged"


class Intruder:
    """A plugin that does something to each checkpoint of `gan` while it is saved."""

    def __init__(self, attack: Callable[[Intruder, Path], None]) -> None:
        self.attack = attack
        self.networks: dict[str, nn.Module] = {}
        self.live: dict[str, Tensor] = {}
        """The generator's weights when its hook was called last, after what it did."""

    @hookimpl
    def attnforge_model_built(self, networks: dict[str, nn.Module]) -> None:
        self.networks = dict(networks)

    @hookimpl
    def attnforge_checkpoint_save(self, folder: Path, phase: str) -> None:
        if phase == "gan":
            try:
                self.attack(self, folder)
            finally:
                weights = self.networks["generator"].state_dict()
                self.live = {name: tensor.clone() for name, tensor in weights.items()}

    def module(self) -> ModuleType:
        """The plugin's module."""

        @hookimpl
        def attnforge_run_start() -> Intruder:
            return self

        made = ModuleType("intruder")
        vars(made)["attnforge_run_start"] = attnforge_run_start
        return made


def write_beside(intruder: Intruder, folder: Path) -> None:
    """Write a network's file into every folder beside the one that it is given."""
    for other in folder.parent.iterdir():
        if other.name.startswith(".partial"):
            (other / "generator.safetensors").write_bytes(FORGED)
            (other / "recipe.lock.yaml").write_bytes(FORGED)
            (other / "folder").mkdir(exist_ok=True)


def link_to_weights(intruder: Intruder, folder: Path) -> None:
    """Put links where the checkpoint's files are going to be."""
    target = folder.parent.parent / "target"
    target.write_bytes(FORGED)
    for other in folder.parent.iterdir():
        if other.name.startswith(".partial"):
            (other / "generator.safetensors").symlink_to(target)


def add_under_its_name(intruder: Intruder, folder: Path) -> None:
    """Add a file of the name that a network's has."""
    (folder / "generator.safetensors").write_bytes(FORGED)


def change_weights(intruder: Intruder, folder: Path) -> None:
    """Change the weights that are being saved."""
    with torch.no_grad():
        for weight in intruder.networks["generator"].parameters():
            weight.add_(0.25)


@pytest.mark.parametrize("attack", [write_beside, link_to_weights, add_under_its_name, change_weights])
def test_a_checkpoint_holds_the_weights_that_training_goes_on_with(
    attack: Callable[[Intruder, Path], None], tmp_path: Path
) -> None:
    intruder = Intruder(attack)
    plugins = load_plugins(extra=[("intruder", intruder.module())])
    resolved = resolve("quickstart", overrides=[*TINY, *SHORT, "phases.gan.steps=1"], plugins=plugins)
    assert train(resolved, tmp_path / "run", resume=False, reporter=ConsoleReporter()).finished
    checkpoint = read_checkpoint(tmp_path / "run/checkpoints/gan-0000001")
    assert isinstance(checkpoint, Checkpoint)
    saved = load_file(checkpoint.folder / "generator.safetensors")
    assert saved.keys() == intruder.live.keys()
    assert all(torch.equal(saved[name], tensor) for name, tensor in intruder.live.items())
    assert checkpoint.lock.read_bytes() != FORGED
    assert resolve(checkpoint.lock, plugins=plugins).digest == resolved.digest


def test_weights_that_are_changed_later_are_noticed(tmp_path: Path) -> None:
    def change_the_one_before(intruder: Intruder, folder: Path) -> None:
        before = folder.parent / "gan-0000001/generator.safetensors"
        if before.is_file():
            save_file({name: tensor + 1 for name, tensor in load_file(before).items()}, before)

    intruder = Intruder(change_the_one_before)
    plugins = load_plugins(extra=[("intruder", intruder.module())])
    resolved = resolve("quickstart", overrides=[*TINY, *SHORT, "phases.gan.steps=2"], plugins=plugins)
    train(resolved, tmp_path / "run", resume=False, reporter=ConsoleReporter())
    checkpoints = tmp_path / "run/checkpoints"
    assert isinstance(read_checkpoint(checkpoints / "gan-0000002"), Checkpoint)
    damage = read_checkpoint(checkpoints / "gan-0000001")
    assert isinstance(damage, Damage)
    assert damage.fault == "generator.safetensors is damaged"
    newest = newest_checkpoint(checkpoints, phases=["damsm", "gan"]).checkpoint
    assert newest is not None
    assert newest.step == 2
