"""Saves checkpoints: a copy in host memory first, then atomically to disk.

Files are written to a temporary folder, flushed to disk and moved into place; nothing is removed before.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from attnforge import __version__
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Tokenizer
from attnforge.names import path_below, step_name
from attnforge.storage.checkpoints.checkpoint import OPTIMIZERS, TOKENIZER, WEIGHTS
from attnforge.storage.checkpoints.finite import not_finite_in
from attnforge.storage.checkpoints.host_copy import host_copy
from attnforge.storage.checkpoints.manifest import MANIFEST, Manifest
from attnforge.storage.checkpoints.retention import Retention
from attnforge.storage.checkpoints.search import digest_of_file, folders_of
from attnforge.storage.optimizer_state import optimizer_state
from attnforge.storage.write_errors import write_failure

REPLACED = ".replaced-"
"""Prefix of a checkpoint that is being overwritten."""
ADDED = ".partial-added-to-"
"""Prefix of the folder of files that are added to a checkpoint."""


@dataclass(frozen=True)
class PreparedCheckpoint:
    """A checkpoint in host memory, independent of later steps, for `write` to put on disk.

    Files that are added to it are on disk already, in a folder of their own.
    """

    checkpoints: Path
    phase: str
    step: int
    networks: Mapping[str, Mapping[str, Tensor]]
    """Weights and buffers, by network."""
    optimizers: Mapping[str, Any]
    tokenizer: Mapping[str, Any]
    vocabulary: str
    """Fingerprint of the vocabulary."""
    sampling_network: str | None
    extras: Mapping[str, tuple[int, ...]]
    data: Mapping[str, str]
    constants: tuple[str, ...]
    added: Path

    @property
    def name(self) -> str:
        """The name of its folder, such as `gan-0001000`."""
        return step_name(self.phase, self.step)

    def write(self) -> Path:
        """Write the checkpoint; returns its folder.

        It touches nothing that training uses, so it may run in another thread.

        Raises:
            RunError: the disk is full or the folder cannot be written; earlier checkpoints are untouched.
        """
        final = self.checkpoints / self.name
        partial = self.checkpoints / f".partial-{self.name}-{os.getpid()}"
        try:
            with _writing(final):
                _make_empty(partial)
                self._write_files(partial)
                for file in partial.iterdir():
                    _flush(file)
                _move_into_place(partial, final)
                _flush(self.checkpoints)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            self.discard()
        return final

    def discard(self) -> None:
        """Remove the files that were added."""
        shutil.rmtree(self.added, ignore_errors=True)

    def _write_files(self, folder: Path) -> None:
        for name, state in self.networks.items():
            save_file(dict(state), path_below(folder, name, ending=WEIGHTS))
        with (folder / OPTIMIZERS).open("wb") as stream:  # errors of a stream keep the reason of the system
            torch.save(self.optimizers, stream)
        (folder / TOKENIZER).write_text(json.dumps(self.tokenizer, ensure_ascii=False), encoding="utf-8")
        for file in sorted(self.added.iterdir()):
            if file.is_file() and not file.is_symlink() and file.name not in own_files(self.networks):
                file.rename(folder / file.name)
        manifest = Manifest(
            attnforge=__version__,
            phase=self.phase,
            step=self.step,
            saved=round(time.time(), 3),
            networks=tuple(self.networks),
            sampling_network=self.sampling_network,
            extras=dict(self.extras),
            vocabulary=self.vocabulary,
            data=dict(self.data),
            constants=self.constants,
            sha256={file.name: digest_of_file(file) for file in sorted(folder.iterdir())},
        )
        (folder / MANIFEST).write_text(manifest.text(), encoding="utf-8")


def prepare_checkpoint(
    checkpoints: Path,
    *,
    phase: str,
    step: int,
    networks: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    tokenizer: Tokenizer,
    sampling_network: str | None = None,
    extras: Mapping[str, tuple[int, ...]] | None = None,
    data: Mapping[str, str] | None = None,
    constants: Iterable[str] = (),
    add: Callable[[Path], object] | None = None,
) -> PreparedCheckpoint:
    """Copy everything that a checkpoint holds into host memory, so that training may continue.

    Args:
        checkpoints: The folder of the run's checkpoints.
        phase: Name of the phase.
        step: Steps of the phase completed.
        networks: The networks, by name.
        optimizers: The optimizers, by name.
        tokenizer: Its vocabulary is saved.
        sampling_network: Which of the networks generates images.
        extras: Shapes of the extras in prompts, by name.
        data: Fingerprint of the training data.
        constants: Buffers, as `network/buffer`, that need not be finite.
        add: Called with an empty folder; files that it writes there become part of the checkpoint. It is
            called before weights are copied, so its changes to them are saved.

    Raises:
        RunError: weights or optimizer states are not finite, a name is not safe, or the folder cannot be
            written; earlier checkpoints are untouched.
    """
    final = checkpoints / step_name(phase, step)
    added = checkpoints / f"{ADDED}{final.name}-{os.getpid()}"
    constants = tuple(constants)
    own_files(networks)  # refuses unsafe names
    try:
        with _writing(final):
            _make_empty(added)
            if add is not None:
                add(added)
        states = {name: optimizer_state(optimizer) for name, optimizer in optimizers.items()}
        _refuse_not_finite(checkpoints, phase, step, networks=networks, states=states, constants=constants)
        return PreparedCheckpoint(
            checkpoints=checkpoints,
            phase=phase,
            step=step,
            networks=host_copy({name: dict(network.state_dict()) for name, network in networks.items()}),
            optimizers=host_copy(states),
            tokenizer=tokenizer.state(),
            vocabulary=tokenizer.fingerprint,
            sampling_network=sampling_network,
            extras=dict(extras or {}),
            data=dict(data or {}),
            constants=constants,
            added=added,
        )
    except BaseException:
        shutil.rmtree(added, ignore_errors=True)
        raise


def remove_surplus(checkpoints: Path, *, phase: str, retention: Retention) -> None:
    """Remove the checkpoints of a phase that are not kept."""
    for folder in retention.surplus(folders_of(checkpoints, phase=phase)):
        shutil.rmtree(folder, ignore_errors=True)


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
    bad = not_finite_in(networks, states, constants=set(constants))
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
            next_step=f"attnforge train --resume {checkpoints.parent} phases.{phase}.task.KEY=VALUE "
            "--allow-changes",
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


@contextmanager
def _writing(final: Path) -> Iterator[None]:
    """Turn errors of the disk into a problem that names the checkpoint."""
    try:
        yield
    except Exception as error:
        reason = write_failure(error)
        if reason is None:  # such as running out of memory, or the death of a worker
            raise
        raise RunError(
            Problem(
                code="checkpoint-not-written",
                message=f"checkpoint {final} could not be written: {reason}",
                expected="a writable folder with room for the weights; earlier checkpoints are untouched",
                next_step=f"df -h {final.parent}",
            )
        ) from error


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
