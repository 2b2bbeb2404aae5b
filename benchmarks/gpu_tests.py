"""The tests of the kernels on a GPU, and NVIDIA's memory checker over one small case of each operation."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests" / "kernels"
SANITIZER = "compute-sanitizer"
SANITIZER_SECONDS = 60.0
MOST_PROCESSES = 12
LAST_WORDS_SECONDS = 15.0
"""After the signal that interrupts a command."""


def kernel_tests() -> list[Path]:
    """The tests of what kernels compute; those that need a GPU come first."""
    return sorted(TESTS.glob("test_*.py"), key=lambda path: ("gpu" not in path.name, path.name))


def check_kernels(paths: Sequence[Path], out: Path, *, seconds: float) -> list[str]:
    """Run tests and the memory checker within a time; what failed, and a line of what passed for each.

    Args:
        paths: Test files.
        out: The folder for `tests.log`, which grows while tests run, and `memcheck.log`.
        seconds: After how long the tests are stopped.
    """
    return [*run_tests(paths, out / "tests.log", seconds=seconds), *check_memory(out / "memcheck.log")]


def run_tests(paths: Sequence[Path], log: Path, *, seconds: float) -> list[str]:
    """Run tests within their time; gives what went wrong."""
    processes = min(MOST_PROCESSES, os.cpu_count() or 1)
    parallel = ["-n", str(processes)] if find_spec("xdist") and processes > 2 else []
    command = [
        sys.executable, "-m", "pytest", "-m", "not long", "-ra", "--tb=short", *parallel, *map(str, paths)
    ]  # fmt: skip
    begun = time.monotonic()
    status = run_into(log, command, seconds=seconds)
    lines = log.read_text(errors="replace").strip().splitlines() or ["nothing was printed"]
    if status is None:
        said = next(
            (line for line in reversed(lines) if " passed" in line or " failed" in line), "no summary"
        )
        print(f"tests: stopped after {seconds:.0f} s, {said.strip('= ')}", flush=True)
        return [f"the tests were stopped after {seconds:.0f} s: {log}"]
    print(f"tests: {lines[-1].strip('= ')} ({time.monotonic() - begun:.0f} s)", flush=True)
    return [] if status == 0 else [f"tests failed: {log}"]


def check_memory(log: Path) -> list[str]:
    """Let compute-sanitizer watch the memory that each program reads and writes; gives what went wrong."""
    program = shutil.which(SANITIZER)
    if program is None:
        print(f"memory: {SANITIZER} is not installed, nothing was checked", flush=True)
        return []
    command = [
        program, "--tool", "memcheck", "--error-exitcode", "3", sys.executable,
        str(Path(__file__).with_name("gpu_memory_case.py")),
    ]  # fmt: skip
    # the allocator of torch would hide what lies beyond the end of a tensor
    environment = os.environ | {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    status = run_into(log, command, seconds=SANITIZER_SECONDS, environment=environment)
    said = [line for line in log.read_text(errors="replace").splitlines() if "ERROR SUMMARY" in line]
    print(f"memory: {said[-1].strip('= ') if said else f'no summary, exit code {status}'}", flush=True)
    return [] if status == 0 and said else [f"{SANITIZER} did not finish without errors: {log}"]


def run_into(
    log: Path, command: Sequence[str], *, seconds: float, environment: dict[str, str] | None = None
) -> int | None:
    """Run a command whose output goes to a file; its exit code, or None where it was stopped.

    Args:
        log: The file.
        command: The command.
        seconds: After how long it is stopped.
        environment: Its environment variables; those of this process where not given.
    """
    with log.open("w") as file:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, env=environment
        )
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # which lets pytest say what has failed so far
        try:
            process.wait(timeout=LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        file.write(f"\nstopped after {seconds:.0f} s\n")
    return None
