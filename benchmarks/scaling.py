"""How much faster two processes train than one, and what 8 to 256 GPUs would gain.

Measured is the adversarial step of the quickstart on CPUs, with one thread a process: one process with the
whole batch, two with half of it each, and two that exchange nothing, turn by turn in fresh processes.
Estimated is a step of the bird and COCO recipes at full width, from bytes and FLOP that are counted and
hardware that is assumed.

    python benchmarks/scaling.py                   about four minutes on two idle cores
    python benchmarks/scaling.py --rounds 1 --steps 2 --small       does everything run?
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import socket
import statistics
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from scaling_model import Assumptions, estimates
from training_games import game_of
from training_measuring import flop_of

from attnforge.adversarial.task import AdversarialTask
from attnforge.compute.allocation import keep_freed_memory
from attnforge.compute.collectives import rank, world_size
from attnforge.compute.engine import Engine
from attnforge.compute.gradients import BUCKET_BYTES
from attnforge.compute.meeting import met
from attnforge.compute.member import Member
from attnforge.compute.processes import barrier, joined
from attnforge.data.feeding.collate import EncodedSamples
from attnforge.interfaces import Progress

CPU = torch.device("cpu")
WARM_UP = 3
TIMEOUT_SECONDS = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, estimate and print; the exit code."""
    given = parser().parse_args(arguments)
    rows = [measured(batch, rounds=given.rounds, steps=given.steps) for batch in given.batch]
    for name in given.estimate:
        print_estimates(name, small=given.small)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "scaling.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def measured(batch: int, *, rounds: int, steps: int) -> dict[str, object]:
    """Measure and print the speed-up of two processes for a batch of some size."""
    seconds: dict[str, list[float]] = {
        "one process": [],
        "two processes": [],
        "two that exchange nothing": [],
    }
    one, two, separate = seconds.values()
    for _ in range(rounds):
        one.append(step_seconds(1, steps=steps, batch=batch))
        two.append(step_seconds(2, steps=steps, batch=batch))
        separate.append(step_seconds(2, steps=steps, batch=batch, together=False))
    print(f"the quickstart's step at batch {batch}, processes of one thread, {rounds} rounds")
    for name, values in seconds.items():
        pairs = [alone / own for alone, own in zip(one, values, strict=True)]
        faster = f"{statistics.median(pairs):.2f} times as fast ({min(pairs):.2f} to {max(pairs):.2f})"
        print(f"  {name}: {1e3 * statistics.median(values):.0f} ms a step, {faster}")
    return {"batch": batch, "steps": steps, "seconds": seconds}


def step_seconds(count: int, *, steps: int, batch: int, together: bool = True) -> float:
    """The mean time of a step in some number of new processes.

    Args:
        count: The number of processes.
        steps: Timed steps.
        batch: Images of all processes.
        together: Whether they train one model; otherwise each trains its own with its share of the images,
            which is as fast as processes could be if exchanging cost nothing.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    if together:
        port = free_port()
        tasks = [(number, number, count, port, steps, batch) for number in range(count)]
    else:
        tasks = [(number, 0, 1, free_port(), steps, batch // count) for number in range(count)]
    processes = [context.Process(target=_train, args=(*task, sender)) for task in tasks]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a process failed; its message is above")
    received = [receiver.recv() for _ in range(1 if together else count)]
    return statistics.fmean(received)


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port: int = free.getsockname()[1]
        return port


def _train(core: int, number: int, count: int, port: int, steps: int, batch: int, sender: Connection) -> None:
    torch.set_num_threads(1)
    keep_freed_memory(CPU)  # as training does
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    with (
        met(Member(number, count, number)) as meeting,
        joined(meeting, device=CPU, timeout_seconds=TIMEOUT_SECONDS),
    ):
        game = game_of("quickstart")
        engine = Engine(device=CPU)
        task = AdversarialTask(game.spec_on(CPU, engine))
        batches = [
            _share(game.samples(batch, seed=step, full_length=True)).batch(CPU)
            for step in range(WARM_UP + steps)
        ]
        for step, own in enumerate(batches):
            if step == WARM_UP:
                barrier()
                start = time.perf_counter()
            progress = Progress(step=step, steps=1_000, batch_size=batch, images=1_000)
            torch.manual_seed(step)
            task.step(own, progress=progress)
        barrier()
        if rank() == 0:
            sender.send((time.perf_counter() - start) / steps)


def _share(samples: EncodedSamples) -> EncodedSamples:
    """The rows of this process."""
    own = len(samples.keys) // world_size()
    rows = slice(rank() * own, (rank() + 1) * own)
    return EncodedSamples(
        image=samples.image[rows],
        tokens=samples.tokens[rows],
        lengths=samples.lengths[rows],
        class_ids=samples.class_ids[rows],
        captions=samples.captions[rows],
        keys=samples.keys[rows],
        extras={},
    )


def print_estimates(name: str, *, small: bool) -> None:
    """Count the bytes and FLOP of a recipe's step, and print what GPUs would need for it."""
    game = game_of(name, small=small)
    task = AdversarialTask(game.spec_on(CPU, Engine(device=CPU)))
    batch = game.phase.batch_size
    counted_batch = min(batch, 2)
    progress = Progress(step=0, steps=1_000, batch_size=batch, images=1_000)
    samples = game.samples(counted_batch, seed=0).batch(CPU)
    flop = flop_of(lambda: task.step(samples, progress=progress)) / counted_batch * batch
    weights = [
        weight
        for optimizer in task.optimizers().values()
        for group in optimizer.param_groups
        for weight in group["params"]
    ]
    sent_bytes = sum(weight.numel() * weight.element_size() for weight in weights)
    assumed = Assumptions()
    counted = f"{flop / 1e12:.2f} TFLOP a step at {batch} images, {sent_bytes / 1e6:.0f} MB of gradients"
    print(f"\n{name}: {counted}")
    print(
        f"assumed: {assumed.flop_per_second / 1e12:.0f} TFLOP/s in such steps, "
        f"{assumed.within_bytes_per_second / 1e9:.0f} GB/s within a machine, "
        f"{assumed.between_bytes_per_second / 1e9:.0f} GB/s between machines, "
        f"{1e6 * assumed.latency_seconds:.0f} us a message"
    )
    print("  GPUs  compute  exchange  efficiency")
    for own in estimates(
        flop_per_gpu=flop,
        gradient_bytes=sent_bytes,
        buckets=math.ceil(sent_bytes / BUCKET_BYTES),
        assumptions=assumed,
    ):
        compute, exchange = 1e3 * own.compute_seconds, 1e3 * own.exchange_seconds
        print(f"  {own.gpus:4}  {compute:4.0f} ms  {exchange:5.1f} ms  {own.efficiency:9.0%}")


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--rounds", type=int, default=5, help="turns of one process, then two")
    made.add_argument("--steps", type=int, default=20, help="timed steps in a turn")
    made.add_argument(
        "--batch", type=int, nargs="+", default=[16, 32, 64], help="images of all processes together"
    )
    made.add_argument("--estimate", nargs="*", default=["bird", "coco"], help="recipes to estimate")
    made.add_argument("--small", action="store_true", help="estimate narrow networks")
    made.add_argument("--out", type=Path, help="a folder for the numbers")
    return made


if __name__ == "__main__":
    sys.exit(main())
