"""Measures the import of a plugin's module in a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

HEAVY = ("torch", "torchvision", "timm", "triton", "transformers", "tensorflow", "jax")
"""Packages whose import would slow down every command."""
MAX_SECONDS = 0.05
"""CPU time that a plugin's module and its declaring hooks may take beyond attnforge's own."""
ATTEMPTS = 5
"""The fastest of several attempts counts, since a busy machine is slow now and then."""
TIMEOUT_SECONDS = 120
"""After this time, an import counts as stuck."""

_SCRIPT = f"""
import importlib, json, sys, time
import attnforge.plugin
from attnforge.plugin.declared import describe_error
before = set(sys.modules)
start, error = time.process_time(), None
try:
    module = importlib.import_module(sys.argv[1])
    for name in ("attnforge_components", "attnforge_recipes", "attnforge_commands"):
        if hasattr(module, name):
            list(getattr(module, name)())
except (Exception, SystemExit) as raised:
    error = describe_error(raised)
seconds = time.process_time() - start
heavy = [name for name in {HEAVY!r} if name in sys.modules and name not in before]
print()
print(json.dumps([seconds, heavy, error]))
"""


@dataclass(frozen=True, slots=True)
class FreshImport:
    """The result of importing a module."""

    seconds: float
    """CPU time, including the declaring hooks."""
    heavy: tuple[str, ...]
    """Heavy packages that it imported."""
    error: str | None
    """What it raised, or None."""


def import_fresh(module: str) -> FreshImport:
    """Import a plugin's module and call its declaring hooks in a fresh interpreter.

    Args:
        module: Its dotted name; it is searched on this process's `sys.path`.
    """
    best = _attempt(module)
    for _ in range(ATTEMPTS - 1):
        # Ten times the limit is the module's own cost, however busy the machine is.
        if best.error is not None or best.heavy or not MAX_SECONDS < best.seconds <= 10 * MAX_SECONDS:
            break
        best = min(best, _attempt(module), key=lambda attempt: attempt.seconds)
    return best


def _attempt(module: str) -> FreshImport:
    path = os.pathsep.join(folder or os.curdir for folder in sys.path)
    try:
        process = subprocess.run(  # noqa: S603  (this interpreter, the script above)
            [sys.executable, "-c", _SCRIPT, module],
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
            env={**os.environ, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        return FreshImport(TIMEOUT_SECONDS, (), f"it did not finish within {TIMEOUT_SECONDS} seconds")
    if process.returncode != 0 or not process.stdout.strip():
        last_line = (process.stderr.strip() or f"exit code {process.returncode}").splitlines()[-1]
        return FreshImport(0.0, (), f"the interpreter ended: {last_line}")
    seconds, heavy, error = json.loads(process.stdout.splitlines()[-1])
    return FreshImport(float(seconds), tuple(heavy), error)
