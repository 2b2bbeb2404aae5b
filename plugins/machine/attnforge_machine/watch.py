"""Observes a run from start to end and writes machine.json."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attnforge.compute.memory import process_peak_bytes
from attnforge.plugin import hookimpl
from attnforge.storage.folder import RunFolder
from attnforge_machine.session import describe
from attnforge_machine.totals import Point, Totals

FILE = "machine.json"
"""The whole record in the run folder; the totals up to it in a checkpoint."""
WRITE_INTERVAL_SECONDS = 10.0
"""How often the file is written, so that little is lost if the run is killed."""


class Watch:
    """The record of one run.

    Args:
        run: The run folder.
        batch_sizes: Images per step, by phase.
        clock: Returns seconds.
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
        self.earlier_seconds = 0.0
        self.started = self.written_at = clock()
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
        seconds = self.earlier_seconds + self.clock() - self.started
        self.totals.add(Point(phase, step, round(seconds, 3), process_peak_bytes(), gpu))

    @hookimpl
    def attnforge_epoch_end(self, phase: str, epoch: int) -> None:
        self.totals.epochs[phase] = epoch
        if self.clock() - self.written_at >= WRITE_INTERVAL_SECONDS:
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
        self.earlier_seconds, self.started = self.totals.seconds, self.clock()

    @hookimpl
    def attnforge_run_end(self, reason: str) -> None:
        self.session["ended"] = reason
        self.write()

    def write(self) -> None:
        """Write machine.json."""
        self.written_at = self.clock()
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
    """Parameters, trained parameters, and bytes of parameters and buffers."""
    weights = list(network.parameters())
    tensors = [*weights, *network.buffers()]
    return {
        "parameters": sum(weight.numel() for weight in weights),
        "trained": sum(weight.numel() for weight in weights if weight.requires_grad),
        "bytes": sum(tensor.numel() * tensor.element_size() for tensor in tensors),
    }


def earlier_sessions(run: RunFolder) -> list[dict[str, Any]]:
    """The earlier sessions of a resumed run; none if machine.json is missing or damaged."""
    try:
        record = run.read_json(FILE)
        return list(record["sessions"]) if record else []
    except (OSError, ValueError, KeyError, TypeError):
        return []
