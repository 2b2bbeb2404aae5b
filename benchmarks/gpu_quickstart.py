"""The quickstart on a GPU beside a processor: the same losses, also after a resume and in bfloat16.

Four short trainings of 200 steps. The first phase draws no random numbers on the device, so there a GPU's
loss must follow a processor's step by step. The adversarial phase draws noise, and GPUs draw other numbers
than processors: there the means over the phase are compared.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from gpu_tests import ROOT

PHASE_STEPS = 100
RESUMED_AT = 50
FOLLOWED_STEPS = 20
"""First steps of the first phase whose losses are compared one by one: later, rounding has grown."""
FARTHEST_STEP = {"cuda": 0.02, "bf16": 0.05}
"""Largest difference of a loss of these steps from the processor's, relative to it."""
FARTHEST_MEAN = 0.15
"""Largest difference of a mean over a phase from the processor's, relative to the mean of absolute values."""
FARTHEST_RESUMED = 0.05
"""Largest difference of a mean over the steps after a resume from the run that was never stopped."""

Losses = dict[str, list[float]]


def check_quickstart(out: Path, *, device: str, seconds: float, small: bool = False) -> list[str]:
    """Train the quickstart several times; gives what is too far apart.

    Args:
        out: The folder for runs and their logs.
        device: The device that is compared with the processor.
        seconds: After how long trainings are stopped.
        small: Four steps a phase, on few images.
    """
    runs = out / "quickstart"
    shutil.rmtree(runs, ignore_errors=True)
    runs.mkdir(parents=True)
    steps = 4 if small else PHASE_STEPS
    settings = [
        f"phases.damsm.steps={steps}", f"phases.gan.steps={steps}", "phases.damsm.task.image_noise=0.0",
        "phases.damsm.log_every=1", "phases.gan.log_every=1", "phases.gan.sample_every=0",
        f"phases.gan.checkpoint_every={steps // 2}", "training.keep=3",
        "evaluation.metrics.attributes=null", "evaluation.metrics.retrieval=null",
    ]  # fmt: skip
    settings += ["data.count=64"] if small else []
    varied = {
        "cpu": ["training.device=cpu", "training.threads=4"],
        "cuda": [f"training.device={device}"],
        "bf16": [f"training.device={device}", "training.precision=bf16"],
    }
    failed = train_all(
        {name: ["quickstart", *settings, *more] for name, more in varied.items()}, runs, seconds
    )
    failed += resume_from_half(runs, steps=steps, seconds=seconds)
    if failed:
        return failed
    losses = {name: losses_of(runs / name) for name in ("cpu", "cuda", "bf16", "resumed")}
    for folder in ("checkpoints", "samples"):  # hundreds of megabytes that nobody looks at
        for run in losses:
            shutil.rmtree(runs / run / folder, ignore_errors=True)
    return distances(losses, steps=steps)


def train_all(commands: dict[str, list[str]], runs: Path, seconds: float) -> list[str]:
    """Train side by side; gives what failed."""
    started = {
        name: start(["train", *arguments, "--out", str(runs / name)], runs / f"{name}.log")
        for name, arguments in commands.items()
    }
    return [
        problem for name, process in started.items() if (problem := finished(process, name, runs, seconds))
    ]


def resume_from_half(runs: Path, *, steps: int, seconds: float) -> list[str]:
    """Take the adversarial phase's last checkpoint away from a copy of a run, and resume it."""
    shutil.copytree(runs / "cuda", runs / "resumed")
    shutil.rmtree(runs / "resumed" / "checkpoints" / f"gan-{steps:07d}", ignore_errors=True)
    process = start(["train", "--resume", str(runs / "resumed")], runs / "resumed.log")
    problem = finished(process, "resumed", runs, seconds)
    return [problem] if problem else []


def start(arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start attnforge with its output in a file."""
    command = [sys.executable, "-c", "from attnforge.cli import main; main()", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=log.open("w"), stderr=subprocess.STDOUT)  # noqa: S603


def finished(process: subprocess.Popen[bytes], name: str, runs: Path, seconds: float) -> str:
    """Wait for a training; what went wrong, or nothing."""
    log = runs / f"{name}.log"
    try:
        status = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return f"the quickstart ({name}) was stopped after {seconds:.0f} s: {log}"
    if status:
        last = [*log.read_text(errors="replace").strip().splitlines()[-3:], ""]
        return f"the quickstart ({name}) ended with exit code {status}: {log}: {' | '.join(last)}"
    return ""


def losses_of(run: Path) -> Losses:
    """Each loss of a run by phase and name, in the order of steps."""
    losses: Losses = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        for name, value in row.items():
            if name not in ("phase", "step", "seconds"):
                losses.setdefault(f"{row['phase']}: {name}", []).append(value)
    return losses


def distances(losses: dict[str, Losses], *, steps: int) -> list[str]:
    """Print how far apart the runs are; gives what is too far."""
    problems = []
    followed = min(FOLLOWED_STEPS, steps)
    cpu = losses["cpu"]
    matching = "damsm: matching"
    for name, most in FARTHEST_STEP.items():
        farthest = max(
            abs(own - other) / abs(other)
            for own, other in zip(losses[name][matching][:followed], cpu[matching][:followed], strict=True)
        )
        print(f"quickstart {name}: matching loss within {farthest:.2%} in {followed} steps", flush=True)
        if farthest > most:
            problems.append(f"{name}: {matching} differs by {farthest:.1%} in the first {followed} steps")
    compared = (("cuda", "cpu", FARTHEST_MEAN, 0), ("bf16", "cpu", FARTHEST_MEAN, 0),
                ("resumed", "cuda", FARTHEST_RESUMED, steps // 2))  # fmt: skip
    for name, beside, most, since in compared:
        for loss, values in losses[beside].items():
            if since and not loss.startswith("gan"):
                continue
            own, other = losses[name][loss][since:], values[since:]
            distance = abs(fmean(own) - fmean(other)) / fmean(map(abs, other))
            print(
                f"quickstart {name}: mean of {loss} {fmean(own):.4g}, {beside} {fmean(other):.4g}", flush=True
            )
            if distance > most:
                problems.append(f"{name}: the mean of {loss} differs by {distance:.1%} from {beside}")
    return problems
