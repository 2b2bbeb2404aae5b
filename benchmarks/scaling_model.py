"""Estimates a step on many GPUs from counted bytes and FLOP."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

GPUS_PER_MACHINE = 8
BACKWARD_SHARE = 2 / 3
"""The share of a step's FLOP that backward passes are; gradients are sent while they run."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a GPU and its links are taken to reach.

    Args:
        flop_per_second: What a GPU computes in such steps, not its peak.
        within_bytes_per_second: Bandwidth of a GPU to the others of its machine.
        between_bytes_per_second: Bandwidth of a GPU to those of other machines.
        latency_seconds: One message between two GPUs.
    """

    flop_per_second: float = 100e12
    within_bytes_per_second: float = 300e9
    between_bytes_per_second: float = 25e9
    latency_seconds: float = 10e-6


@dataclass(frozen=True, slots=True)
class Estimate:
    """A step on some number of GPUs, each with the same number of images."""

    gpus: int
    compute_seconds: float
    exchange_seconds: float
    efficiency: float
    """Images a second of a GPU beside those of one GPU alone."""


def estimates(
    *, flop_per_gpu: float, gradient_bytes: int, buckets: int, assumptions: Assumptions
) -> Iterator[Estimate]:
    """Estimates for 8 to 256 GPUs: a ring within each machine, and one over all machines.

    A ring of n sends 2 (n - 1) / n of the bytes through each link, in 2 (n - 1) messages a bucket. What
    exceeds the time of the backward passes delays the step.

    Args:
        flop_per_gpu: FLOP of a GPU's share of a step.
        gradient_bytes: Gradients of all networks that are trained.
        buckets: How many parts they are sent in.
        assumptions: What hardware reaches.
    """
    compute = flop_per_gpu / assumptions.flop_per_second
    for gpus in (8, 16, 32, 64, 128, 256):
        machines = math.ceil(gpus / GPUS_PER_MACHINE)
        within = _ring(gradient_bytes, GPUS_PER_MACHINE, assumptions.within_bytes_per_second)
        between = _ring(gradient_bytes / GPUS_PER_MACHINE, machines, assumptions.between_bytes_per_second)
        messages = 2 * buckets * (GPUS_PER_MACHINE - 1 + machines - 1)
        exchange = within + between + messages * assumptions.latency_seconds
        late = max(0.0, exchange - BACKWARD_SHARE * compute)
        yield Estimate(gpus, compute, exchange, compute / (compute + late))


def _ring(sent_bytes: float, members: int, bytes_per_second: float) -> float:
    return 2 * (members - 1) / members * sent_bytes / bytes_per_second
