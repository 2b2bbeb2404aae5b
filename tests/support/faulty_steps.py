"""Training of a few weights whose steps are spoiled as a test says, through the loop of a phase."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from attnforge.compute.collectives import rank, world_size
from attnforge.compute.engine import Engine
from attnforge.interfaces import Batch, Progress
from attnforge.train.loop import StepResult, run_phase
from attnforge.train.recovery import Recovery, SkippedStep

Fault = Literal["loss", "gradient", "weight", "buffer", "average"]
FAULTS: tuple[Fault, ...] = ("loss", "gradient", "weight", "buffer", "average")
IMAGES = 4
NAN = float("nan")


class Faulty:
    """A task with two layers, their batch statistics and an average of the weights.

    Args:
        faults: What becomes infinite or NaN, by step; of several processes, only the last spoils losses and
            gradients.
        precision: As of the engine.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    sampling_network: str | None = None

    def __init__(
        self, faults: Mapping[int, Fault], *, precision: Literal["float32", "fp16"] = "float32"
    ) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        self.average = copy.deepcopy(self.network)
        engine = Engine(precision=precision)
        self.optimizer = engine.adam(self.network.parameters(), learning_rate=0.1, betas=(0.5, 0.9))
        self.update = engine.update(self.optimizer)
        self.faults = faults
        self.made: list[int] = []

    def networks(self) -> Mapping[str, nn.Module]:
        return {"network": self.network, "average": self.average}

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"network": self.optimizer}

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        self.made.append(progress.step + 1)
        fault = self.faults.get(progress.step + 1)
        is_cause = rank() == world_size() - 1
        loss = self.network(batch.image[:, :, 0, 0]).square().mean()
        self.update.minimise([loss * (NAN if fault == "gradient" and is_cause else 1.0)])
        with torch.no_grad():
            for mean, own in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(own, 0.5)
        weight = next(self.network.parameters()).data.view(-1)
        match fault:
            case "weight":
                weight[0] = NAN
            case "buffer":
                self.network[1].running_var[0] = float("inf")  # type: ignore[index]
            case "average":
                next(self.average.parameters()).data.view(-1)[0] = NAN
        return {"loss": loss.detach() * (NAN if fault == "loss" and is_cause else 1.0)}


def batches(start: int) -> Iterator[Batch]:
    """Batches whose images name their step and process."""
    step = start
    while True:
        step += 1
        generator = torch.Generator().manual_seed(100 * step + rank())
        yield Batch(
            image=torch.randn(IMAGES, 3, 1, 1, generator=generator),
            tokens=torch.ones(IMAGES, 1, dtype=torch.long),
            lengths=torch.ones(IMAGES, dtype=torch.long),
            class_ids=torch.zeros(IMAGES, dtype=torch.long),
            captions=("bird",) * IMAGES,
            keys=(f"step {step} of {rank()}",) * IMAGES,
        )


@dataclass
class Trained:
    """What training has left behind."""

    task: Faulty
    skipped: list[SkippedStep] = field(default_factory=list)
    results: list[StepResult] = field(default_factory=list)
    completed: int = 0

    def state(self) -> dict[str, Tensor]:
        """All weights, buffers and optimizer states."""
        tensors = {
            f"{name}/{key}": value.clone()
            for name, network in self.task.networks().items()
            for key, value in network.state_dict().items()
        }
        for index, values in self.task.optimizer.state_dict()["state"].items():
            tensors |= {f"{index}/{key}": torch.as_tensor(value).clone() for key, value in values.items()}
        return tensors


def train(
    faults: Mapping[int, Fault],
    *,
    steps: int,
    every: int,
    stop: int | None = None,
    resumed: Trained | None = None,
    precision: Literal["float32", "fp16"] = "float32",
) -> Trained:
    """Train with a recovery, and stop after some step if asked to.

    Args:
        faults: What is spoiled, by step.
        steps: Steps of the phase.
        every: Steps between those that are observed.
        stop: A step after which training is asked to end.
        resumed: What to resume; its task is copied as a checkpoint would.
        precision: As of the engine.
    """
    task = Faulty(faults, precision=precision)
    if resumed is not None:
        for name, network in task.networks().items():
            network.load_state_dict(resumed.task.networks()[name].state_dict())
        task.optimizer.load_state_dict(copy.deepcopy(resumed.task.optimizer.state_dict()))
    start = 0 if resumed is None else resumed.completed
    trained = Trained(task)
    is_stopping = False

    def after_step(result: StepResult) -> bool:
        nonlocal is_stopping
        trained.results.append(result)
        is_stopping = is_stopping or result.step == stop
        return not is_stopping

    recovery = Recovery(
        task,
        start=start,
        is_observed=lambda step: step % every == 0 or step == steps,
        skipped_before=0 if resumed is None else _in_row(resumed, start),
        on_skip=trained.skipped.append,
    )
    trained.completed = run_phase(
        task,
        batches,
        phase="gan",
        start=start,
        steps=steps,
        batch_size=IMAGES * world_size(),
        images=9,
        seed=1,
        after_step=after_step,
        safeguard=recovery,
    )
    return trained


def _in_row(resumed: Trained, start: int) -> int:
    steps = {skipped.step for skipped in resumed.skipped}
    count = 0
    while start - count in steps:
        count += 1
    return count


def train_shared(faults: Mapping[int, Fault], steps: int, every: int) -> dict[str, Any]:
    """Train in one of several processes: its state, and the steps that were skipped with their keys."""
    trained = train(faults, steps=steps, every=every)
    skipped = [(one.step, list(one.causes), list(one.keys)) for one in trained.skipped]
    return {"state": trained.state(), "skipped": skipped}
