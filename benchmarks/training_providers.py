"""Ways of making a training step, each from a batch on the host to updated weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any

import torch
from official_step import OfficialStep
from training_games import Game

from attnforge.compute.allocation import keep_freed_memory
from attnforge.compute.engine import Engine
from attnforge.interfaces import Progress
from attnforge.seeds import seed_everything

BATCHES = 4
"""Batches on the host that take turns."""
OFFICIAL = "official float32"

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Provider:
    """A way of training."""

    name: str
    precision: str = "float32"
    options: dict[str, Any] = field(default_factory=dict)
    """Of the engine."""
    official: bool = False
    tuned: bool = False
    """Whether cuDNN tries all its algorithms for each convolution and keeps the quickest."""
    profiled: bool = False
    """Whether a step is taken apart, too."""

    def begin(self, game: Game, device: torch.device, batch: int) -> Step:
        """Networks on the device, and a function that makes the next step of training them."""
        torch.backends.cudnn.benchmark = self.tuned
        return self._official(game, device, batch) if self.official else self._own(game, device, batch)

    def _official(self, game: Game, device: torch.device, batch: int) -> Step:
        official = OfficialStep(game, device, autocast=self.precision == "bf16")
        batches = cycle([game.official_samples(batch, seed=seed) for seed in range(BATCHES)])
        return lambda: official.step(*next(batches))

    def _own(self, game: Game, device: torch.device, batch: int) -> Step:
        keep_freed_memory(device)  # as `attnforge train` does; the official ways are measured before this
        options = {"channels_last": None, **self.options}  # by default as a recipe without the option
        engine = Engine(device=device, precision=self.precision, **options)  # type: ignore[arg-type]
        task = game.phase.task(game.spec_on(device, engine))
        fixed = engine.cuda_graphs
        made = [game.samples(batch, seed=seed, full_length=fixed) for seed in range(BATCHES)]
        batches, steps = cycle(made), count()

        def step() -> object:
            number = next(steps)
            seed_everything(1, "gan", number)
            progress = Progress(step=number % 1000, steps=1000, batch_size=batch, images=10 * batch)
            return task.step(next(batches).batch(device), progress=progress)

        return step


def providers(device: torch.device) -> list[Provider]:
    """All providers that can run on a device, the official one first, then the most common."""
    last, graphs = {"channels_last": True}, {"cuda_graphs": True}
    on_gpu = [
        Provider("attnforge bf16 channels-last graphs", "bf16", {**last, **graphs}, profiled=True),
        Provider("attnforge float32 graphs", options=graphs),
        Provider("attnforge bf16 channels-last graphs tuned", "bf16", {**last, **graphs}, tuned=True),
        Provider("official float32 tuned", official=True, tuned=True),
        Provider("official bf16 tuned", "bf16", official=True, tuned=True),
        Provider("attnforge float32 channels-last graphs", options={**last, **graphs}),
        Provider("attnforge bf16 graphs", "bf16", graphs),
    ]
    return [
        Provider(OFFICIAL, official=True, profiled=True),
        Provider("official bf16", "bf16", official=True),
        Provider("attnforge float32", profiled=True),
        Provider("attnforge bf16", "bf16"),
        Provider("attnforge bf16 channels-last", "bf16", last, profiled=True),
        *(on_gpu if device.type == "cuda" else ()),
    ]
