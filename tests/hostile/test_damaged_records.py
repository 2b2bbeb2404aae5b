"""What a run says about itself is believed only as it was written: nothing changes what trains in silence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from damaged_runs import events_of, flip_bit, flip_last_bit, snapshot, weights_of
from tiny_run import TINY

from attnforge.cli import run as attnforge
from attnforge.recipe.seal import is_intact
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import Damage, newest_checkpoint, read_checkpoint

Shown = pytest.CaptureFixture[str]
Copy = Callable[[str], Path]

FLIPS = [*range(5), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(5, 200))]
"""Seeds of flips; the first in every test run, all of them in the long one."""


def same_weights(first: Path, second: Path, checkpoint: str = "gan-0000005") -> bool:
    before, after = weights_of(first, checkpoint), weights_of(second, checkpoint)
    return before.keys() == after.keys() and all(tensor.equal(after[name]) for name, tensor in before.items())


@pytest.mark.parametrize("seed", FLIPS)
def test_a_flipped_bit_of_a_manifest_changes_nothing_in_silence(
    copied_run: Copy, whole_run: Path, capsys: Shown, seed: int
) -> None:
    path = copied_run("run")
    manifest = path / "checkpoints/gan-0000005/manifest.json"
    before = read_checkpoint(manifest.parent)
    assert isinstance(before, Checkpoint)
    flip_bit(manifest, Random(seed))
    after = read_checkpoint(manifest.parent)
    if isinstance(after, Checkpoint):  # a blank became another blank
        assert after.manifest == before.manifest
        return
    assert isinstance(after, Damage)
    assert attnforge(["train", "--resume", str(path)]) == 0
    assert "gan-0000005: manifest.json" in capsys.readouterr().err
    assert any("gan-0000005" in row["message"] for row in events_of(path, "warning"))
    assert same_weights(whole_run, path)


@pytest.mark.parametrize("seed", FLIPS)
def test_a_flipped_bit_of_the_frozen_recipe_changes_nothing_in_silence(
    copied_run: Copy, whole_run: Path, capsys: Shown, seed: int
) -> None:
    path = copied_run("run")
    shutil.rmtree(path / "checkpoints/gan-0000005")
    whole = (path / "recipe.lock.yaml").read_bytes()
    flip_bit(path / "recipe.lock.yaml", Random(seed))
    assert attnforge(["train", "--resume", str(path)]) == 0
    shown = capsys.readouterr().err
    assert "recipe.lock.yaml does not match" in shown
    assert "using the copy in" in shown
    assert events_of(path, "restored")[0]["checkpoint"] == "gan-0000004"
    assert (path / "recipe.lock.yaml").read_bytes() == whole
    assert same_weights(whole_run, path)


MANIFESTS: list[Callable[[dict[str, Any]], object]] = [
    lambda manifest: manifest.update(step=32),
    lambda manifest: manifest.update(step=3),
    lambda manifest: manifest.update(step=-1),
    lambda manifest: manifest.update(phase="../x"),
    lambda manifest: manifest.update(networks=["text"]),
    lambda manifest: manifest.update(networks=[*manifest["networks"], "another"]),
    lambda manifest: manifest.update(sha256={}),
    lambda manifest: manifest["sha256"].pop("optimizers.pt"),
    lambda manifest: manifest.update(data={}),
    lambda manifest: manifest.pop("digest"),
]


@pytest.mark.parametrize("change", MANIFESTS)
@pytest.mark.parametrize("anew", [False, True], ids=["the digest as it was", "a digest to match"])
def test_a_manifest_that_was_edited_is_not_believed(
    copied_run: Copy, change: Callable[[dict[str, Any]], object], anew: bool
) -> None:
    from attnforge.storage.checkpoints import manifest as subject

    folder = copied_run("run") / "checkpoints/gan-0000005"
    file = folder / "manifest.json"
    data = json.loads(file.read_text())
    change(data)
    if anew and "digest" in data:
        if data["data"] == {}:
            return  # with a digest to match, it is what a checkpoint without a fingerprint says
        del data["digest"]
        data["digest"] = subject._digest(data)
    file.write_text(json.dumps(data))
    read = read_checkpoint(folder)
    if anew and data.get("networks") == ["text"]:
        assert isinstance(read, Checkpoint)  # true of its files, and `checkpoint-lacks-network` when loaded
        return
    assert isinstance(read, Damage), read


@pytest.mark.parametrize("network", ["text", "image", "generator", "generator-average", "discriminator-16"])
def test_every_network_has_a_file_of_its_own(copied_run: Copy, network: str) -> None:
    folder = copied_run("run") / "checkpoints/gan-0000005"
    (folder / f"{network}.safetensors").unlink()
    damage = read_checkpoint(folder)
    assert isinstance(damage, Damage)
    assert f"{network}.safetensors is missing" in str(damage)


def test_a_file_that_the_manifest_does_not_name_is_told(copied_run: Copy) -> None:
    folder = copied_run("run") / "checkpoints/gan-0000005"
    (folder / ".DS_Store").write_bytes(b"")
    assert isinstance(read_checkpoint(folder), Checkpoint)
    (folder / "extra.safetensors").write_bytes(b"")
    damage = read_checkpoint(folder)
    assert isinstance(damage, Damage)
    assert "extra.safetensors is not in the manifest" in str(damage)


@pytest.mark.parametrize("command", ["train --resume", "sample", "eval", "report", "encoders"])
def test_a_skipped_checkpoint_is_named(copied_run: Copy, tmp_path: Path, capsys: Shown, command: str) -> None:
    path = copied_run("run")
    flip_last_bit(path / "checkpoints/gan-0000005/text.safetensors")
    metric = "evaluation.metrics={retrieval: r-precision}"
    arguments = {
        "train --resume": ["train", "--resume", str(path)],
        "sample": ["sample", str(path), "a red bird", "-n", "1"],
        "eval": ["eval", str(path), metric],
        "report": ["report", str(path)],
        "encoders": [
            *("train", "quickstart", *TINY, "phases.gan.steps=1", "evaluation.metrics={attributes: null,"),
            *("--out", str(tmp_path / "other"), f"pretrained.encoders={path}"),
        ],
    }[command]
    if command == "encoders":
        arguments[-4] += " retrieval: null}"
    assert attnforge(arguments) == 0
    shown = capsys.readouterr().err
    assert f"{path}/checkpoints/gan-0000005: text.safetensors is damaged" in shown
    if command in ("train --resume", "eval"):
        (row,) = events_of(path, "warning")
        assert "gan-0000005: text.safetensors is damaged" in row["message"]


@pytest.mark.parametrize("command", ["train --resume", "sample", "eval", "report"])
def test_a_run_whose_checkpoints_are_all_damaged_is_left_as_it_is(
    copied_run: Copy, capsys: Shown, command: str
) -> None:
    path = copied_run("run")
    for folder in (path / "checkpoints").iterdir():
        flip_last_bit(folder / "text.safetensors")
    before = snapshot(path)
    extra = {"sample": ["a red bird"], "eval": ["evaluation.metrics={retrieval: r-precision}"]}
    assert attnforge([*command.split(), str(path), *extra.get(command, [])]) == 1
    shown = capsys.readouterr().err
    assert "error[no-whole-checkpoint]" in shown
    assert "gan-0000005: text.safetensors is damaged" in shown
    assert snapshot(path) == before


def test_folders_that_are_no_checkpoints_are_no_reason_to_begin_anew(copied_run: Copy, capsys: Shown) -> None:
    path = copied_run("run")
    for number, folder in enumerate(sorted((path / "checkpoints").iterdir())):
        folder.rename(folder.with_name(f"kept {number}"))
    before = snapshot(path)
    assert attnforge(["train", "--resume", str(path)]) == 1
    assert "error[no-whole-checkpoint]" in capsys.readouterr().err
    assert snapshot(path) == before


def test_a_frozen_recipe_that_is_lost_comes_from_a_checkpoint(
    copied_run: Copy, whole_run: Path, capsys: Shown
) -> None:
    path = copied_run("run")
    (path / "recipe.lock.yaml").unlink()
    assert attnforge(["sample", str(path), "a red bird", "-n", "1"]) == 0
    assert "recipe.lock.yaml is missing; using the copy in" in capsys.readouterr().err
    assert not (path / "recipe.lock.yaml").exists()
    assert attnforge(["train", "--resume", str(path)]) == 0
    assert (path / "recipe.lock.yaml").read_bytes() == (whole_run / "recipe.lock.yaml").read_bytes()


def test_without_a_copy_a_damaged_frozen_recipe_is_refused(copied_run: Copy, capsys: Shown) -> None:
    path = copied_run("run")
    (path / "recipe.lock.yaml").write_bytes((path / "recipe.lock.yaml").read_bytes() + b"#\n")
    for folder in (path / "checkpoints").iterdir():
        flip_last_bit(folder / "text.safetensors")
    before = snapshot(path)
    assert attnforge(["train", "--resume", str(path)]) == 1
    assert "error[lock-damaged]" in capsys.readouterr().err
    assert snapshot(path) == before


def test_the_copy_in_every_checkpoint_is_intact(whole_run: Path) -> None:
    locks = [whole_run / "recipe.lock.yaml", *(whole_run / "checkpoints").glob("*/recipe.lock.yaml")]
    assert len(locks) == 5
    for lock in locks:
        content = lock.read_bytes()
        assert is_intact(content)
        for place in range(0, len(content), 97):
            assert not is_intact(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
            assert not is_intact(content[:place])


def test_a_checkpoint_that_was_asked_for_by_name_is_never_another(copied_run: Copy, capsys: Shown) -> None:
    path = copied_run("run")
    flip_last_bit(path / "checkpoints/gan-0000004/generator.safetensors")
    assert attnforge(["sample", str(path / "checkpoints/gan-0000004"), "a red bird"]) == 1
    shown = capsys.readouterr().err
    assert "error[checkpoint-damaged]" in shown
    assert "generator.safetensors is damaged" in shown


def test_unreadable_optimizer_states_are_skipped(copied_run: Copy) -> None:
    path = copied_run("run")
    folder = path / "checkpoints/gan-0000005"
    torch.save(
        {"generator": {"state": {0: {"exp_avg": torch.tensor([float("nan")])}}}}, folder / "optimizers.pt"
    )
    from attnforge.storage.checkpoints.manifest import read_manifest
    from attnforge.storage.checkpoints.search import digest_of_file

    manifest = read_manifest(folder)
    digests = {**manifest.sha256, "optimizers.pt": digest_of_file(folder / "optimizers.pt")}
    from dataclasses import replace

    (folder / "manifest.json").write_text(replace(manifest, sha256=digests).text())
    search = newest_checkpoint(path / "checkpoints", phases=["damsm", "gan"], finite=True)
    assert search.checkpoint is not None
    assert search.checkpoint.step == 4
    assert "optimizers.pt has values that are not finite" in str(search.passed_over[0])
