"""Writes checkpoints atomically: to a temporary folder, flushed to disk, moved into place."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from attnforge import __version__
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Tokenizer
from attnforge.names import path_below, step_name
from attnforge.storage.checkpoints.checkpoint import OPTIMIZERS, TOKENIZER, WEIGHTS
from attnforge.storage.checkpoints.finite import not_finite, tensors_in, tensors_of
from attnforge.storage.checkpoints.manifest import MANIFEST, Manifest
from attnforge.storage.checkpoints.search import digest_of_file, folders_of
from attnforge.storage.optimizer_state import optimizer_state
from attnforge.storage.write_errors import write_failure

REPLACED = ".replaced-"
"""Prefix of a checkpoint that is being overwritten."""
ADDED = ".partial-added-to-"
"""Prefix of the folder of files that are added to a checkpoint."""


def save_checkpoint(
    checkpoints: Path,
    *,
    phase: str,
    step: int,
    networks: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    tokenizer: Tokenizer,
    keep: int,
    sampling_network: str | None = None,
    extras: Mapping[str, tuple[int, ...]] | None = None,
    data: Mapping[str, str] | None = None,
    constants: Iterable[str] = (),
    add: Callable[[Path], object] | None = None,
) -> Path:
    """Write a checkpoint and remove the phase's oldest beyond `keep`; returns its folder.

    Args:
        checkpoints: The folder of the run's checkpoints.
        phase: Name of the phase.
        step: Steps of the phase completed.
        networks: The networks, by name.
        optimizers: The optimizers, by name.
        tokenizer: Its vocabulary is saved.
        keep: Checkpoints of the phase to keep.
        sampling_network: Which of the networks generates images.
        extras: Shapes of the extras in prompts, by name.
        data: Fingerprint of the training data.
        constants: Buffers, as `network/buffer`, that need not be finite.
        add: Called with an empty folder; files that it writes there become part of the checkpoint. It is
            called before the checkpoint's own files are written, so it cannot change them, and its changes to
            weights are saved.

    Raises:
        RunError: weights or optimizer states are not finite, a name is not safe, the disk is full or
            the folder cannot be written; earlier checkpoints are untouched.
    """
    final = checkpoints / step_name(phase, step)
    partial = checkpoints / f".partial-{final.name}-{os.getpid()}"
    added = checkpoints / f"{ADDED}{final.name}-{os.getpid()}"
    try:
        _make_empty(added)
        if add is not None:
            add(added)
        states = {name: optimizer_state(optimizer) for name, optimizer in optimizers.items()}
        _refuse_not_finite(checkpoints, phase, step, networks=networks, states=states, constants=constants)
        _make_empty(partial)
        for name, network in networks.items():
            save_file(_own_storage(network.state_dict()), path_below(partial, name, ending=WEIGHTS))
        with (partial / OPTIMIZERS).open("wb") as stream:  # errors of a stream keep the reason of the system
            torch.save(states, stream)
        (partial / TOKENIZER).write_text(json.dumps(tokenizer.state(), ensure_ascii=False), encoding="utf-8")
        for file in sorted(added.iterdir()):
            if file.is_file() and not file.is_symlink() and file.name not in own_files(networks):
                file.rename(partial / file.name)
        manifest = Manifest(
            attnforge=__version__,
            phase=phase,
            step=step,
            saved=round(time.time(), 3),
            networks=tuple(networks),
            sampling_network=sampling_network,
            extras=dict(extras or {}),
            vocabulary=tokenizer.fingerprint,
            data=dict(data or {}),
            constants=tuple(constants),
            sha256={file.name: digest_of_file(file) for file in sorted(partial.iterdir())},
        )
        (partial / MANIFEST).write_text(manifest.text(), encoding="utf-8")
        for file in partial.iterdir():
            _flush(file)
        _move_into_place(partial, final)
        _flush(checkpoints)
    except Exception as error:
        reason = write_failure(error)
        if reason is None:  # such as running out of memory, or the death of a worker
            raise
        raise RunError(
            Problem(
                code="checkpoint-not-written",
                message=f"checkpoint {final} could not be written: {reason}",
                expected="a writable folder with room for the weights; earlier checkpoints are untouched",
                next_step=f"df -h {checkpoints}",
            )
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(added, ignore_errors=True)
    for _, old in folders_of(checkpoints, phase=phase)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def own_files(networks: Iterable[str]) -> frozenset[str]:
    """The names of a checkpoint's own files, for these networks."""
    weights = (path_below(Path(), name, ending=WEIGHTS).name for name in networks)
    return frozenset({OPTIMIZERS, TOKENIZER, MANIFEST, *weights})


def remove_partial(checkpoints: Path) -> None:
    """Remove partial checkpoints of a killed run, and restore those that it was overwriting."""
    for folder in checkpoints.glob(f"{REPLACED}*"):
        final = checkpoints / folder.name.removeprefix(REPLACED)
        if not final.exists():
            folder.rename(final)
    for folder in (*checkpoints.glob(".partial-*"), *checkpoints.glob(f"{REPLACED}*")):
        shutil.rmtree(folder, ignore_errors=True)


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _refuse_not_finite(
    checkpoints: Path,
    phase: str,
    step: int,
    *,
    networks: Mapping[str, nn.Module],
    states: Mapping[str, object],
    constants: Iterable[str],
) -> None:
    names = not_finite((*tensors_of(networks), *tensors_in(states, "optimizer")))
    bad = [name for name in names if name not in set(constants)]
    if not bad:
        return
    others = f" and {len(bad) - 1} more tensors" if len(bad) > 1 else ""
    raise RunError(
        Problem(
            code="weights-not-finite",
            message=f"{bad[0]}{others} have values that are not finite after step {step} of {phase}; "
            "no checkpoint was saved",
            expected="finite weights; the steps since the last checkpoint would fail again with the same "
            "recipe, so resume with a smaller learning rate for the phase",
            next_step=f"attnforge train --resume {checkpoints.parent} phases.{phase}.task.KEY=VALUE",
        )
    )


def _move_into_place(partial: Path, final: Path) -> None:
    if not final.exists():
        partial.rename(final)
        return
    replaced = final.with_name(REPLACED + final.name)  # at every moment, one of the two is on disk
    shutil.rmtree(replaced, ignore_errors=True)
    final.rename(replaced)
    try:
        partial.rename(final)
    except OSError:
        replaced.rename(final)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def _own_storage(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # safetensors rejects tensors that share memory or are not contiguous
    return {name: tensor.detach().contiguous().clone() for name, tensor in state.items()}


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
