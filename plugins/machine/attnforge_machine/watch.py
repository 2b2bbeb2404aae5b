"""Hears a run from its start to its end, and writes what it heard to machine.json."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attnforge.plugin import hookimpl
from attnforge.run.environment import peak_memory_bytes
from attnforge.run.folder import RunFolder
from attnforge_machine.session import describe
from attnforge_machine.totals import Point, Totals

FILE = "machine.json"
"""In the run folder everything; in a checkpoint the totals up to it."""
BETWEEN = 10.0
"""Seconds between two writings, so that a run that is killed leaves nearly everything behind."""


class Watch:
    """What is known of one run.

    Args:
        run: The run folder.
        batch_sizes: Images a step, by phase.
        clock: Gives seconds.
    """

    def __init__(
        self, run: Path, *, batch_sizes: Mapping[str, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.run = RunFolder(run)
        self.batch_sizes = dict(batch_sizes)
        self.clock = clock
        self.device = torch.device("cpu")
        self.networks: dict[str, dict[str, dict[str, int]]] = {}
        self.totals = Totals()
        self.before = 0.0
        self.began = self.written = clock()
        self.session = describe()
        self.sessions = [*earlier_sessions(self.run), self.session]
        self.write()

    @hookimpl
    def attnforge_model_built(self, networks: Mapping[str, nn.Module], phase: str) -> None:
        self.networks[phase] = {name: size_of(network) for name, network in networks.items()}
        weights = (weight for network in networks.values() for weight in network.parameters())
        self.device = next((weight.device for weight in weights), self.device)

    @hookimpl
    def attnforge_step_end(self, phase: str, step: int) -> None:
        gpu = torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else None
        seconds = self.before + self.clock() - self.began
        self.totals.add(Point(phase, step, round(seconds, 3), peak_memory_bytes(), gpu))

    @hookimpl
    def attnforge_epoch_end(self, phase: str, epoch: int) -> None:
        self.totals.epochs[phase] = epoch
        if self.clock() - self.written >= BETWEEN:
            self.write()

    @hookimpl
    def attnforge_checkpoint_save(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(self.totals.plain(), indent=1) + "\n", encoding="utf-8")
        self.write()

    @hookimpl
    def attnforge_checkpoint_load(self, folder: Path) -> None:
        file = folder / FILE
        if file.is_file():
            self.totals = Totals.of(json.loads(file.read_text(encoding="utf-8")))
        else:
            self.totals = Totals(whole=False)
        self.before, self.began = self.totals.seconds, self.clock()

    @hookimpl
    def attnforge_run_end(self, reason: str) -> None:
        self.session["ended"] = reason
        self.write()

    def write(self) -> None:
        """Write machine.json."""
        self.written = self.clock()
        self.run.write_json(
            FILE,
            {
                "sessions": self.sessions,
                "device": str(self.device),
                "batch_sizes": self.batch_sizes,
                "networks": self.networks,
                "totals": self.totals.plain(),
            },
        )


def size_of(network: nn.Module) -> dict[str, int]:
    """Parameters, those that are trained, and bytes of parameters and buffers."""
    weights = list(network.parameters())
    held = [*weights, *network.buffers()]
    return {
        "parameters": sum(weight.numel() for weight in weights),
        "trained": sum(weight.numel() for weight in weights if weight.requires_grad),
        "bytes": sum(tensor.numel() * tensor.element_size() for tensor in held),
    }


def earlier_sessions(run: RunFolder) -> list[dict[str, Any]]:
    """The sessions of a run that is resumed; none where machine.json is missing or damaged."""
    try:
        known = run.read_json(FILE)
        return list(known["sessions"]) if known else []
    except (OSError, ValueError, KeyError, TypeError):
        return []
