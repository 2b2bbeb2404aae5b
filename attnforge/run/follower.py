"""What a process does around training steps when another one, the first, records the run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from attnforge.compute.processes import texts_of_processes
from attnforge.errors import Problem, RunError
from attnforge.evaluate.measured import Measurement
from attnforge.plugin.hooks import Hooks
from attnforge.run.listeners import TrainedPhase
from attnforge.run.resuming import Resumption
from attnforge.sampling.samples import FixedSamples
from attnforge.train.loop import StepResult, as_numbers, averaged
from attnforge.train.progress import Reporter


class Follower:
    """Takes part in whatever all processes do together, and records nothing.

    Of the hooks of plugins, only those that may change networks are called.

    Args:
        hooks: The hooks of plugins.
        reporter: Where nothing is reported.
    """

    def __init__(self, hooks: Hooks, reporter: Reporter) -> None:
        self.hooks = hooks
        self.reporter = reporter

    def start_from_scratch(self) -> None:
        """Nothing is recorded."""

    def resume_after(self, resumption: Resumption, *, later: Sequence[str]) -> None:
        """Nothing is recorded."""

    def log_reset_optimizers(self, optimizers: Sequence[str]) -> None:
        """Nothing is recorded."""

    def log_measurement(self, measurement: Measurement) -> None:
        """Nothing is recorded."""

    def log_encoders(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        """Nothing is recorded."""

    @contextmanager
    def phase(
        self, trained: TrainedPhase, *, samples: FixedSamples | None, constants: Sequence[str] = ()
    ) -> Iterator[Callable[[StepResult], None]]:
        """Yields the callback for the end of each step."""

        def after_step(result: StepResult) -> None:
            if trained.is_logged(result.step):
                as_numbers(averaged(result))

        yield after_step


def refuse_differences(facts: Mapping[str, str]) -> None:
    """Refuse to train in processes that do not start from the same.

    Args:
        facts: What has to be the same, by its name.

    Raises:
        RunError: something differs.
    """
    for name, fact in facts.items():
        texts = texts_of_processes(fact)
        other = next((rank for rank, text in enumerate(texts) if text != texts[0]), None)
        if other is not None:
            raise RunError(
                Problem(
                    "processes-differ",
                    f"process {other} has another {name} than process 0: {texts[other]}, not {texts[0]}",
                    expected="the same command, files and versions in every process",
                )
            )


def digest_of_networks(networks: Mapping[str, nn.Module]) -> str:
    """A digest of all weights and buffers, bit by bit."""
    digest = hashlib.sha256()
    for name, network in networks.items():
        for key, value in network.state_dict().items():
            digest.update(f"{name}/{key}".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
