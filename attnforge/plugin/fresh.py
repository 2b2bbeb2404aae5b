"""What importing a plugin's module costs, seen from a fresh interpreter that has imported nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

HEAVY = ("torch", "torchvision", "timm", "triton", "transformers", "tensorflow", "jax")
"""Packages for which every command would wait."""
LIMIT = 0.05
"""Seconds of processor time that a plugin's module and its declarations may take beyond attnforge's own."""
TRIES = 5
"""A busy machine is slow now and then: the best of so many tries counts."""
PATIENCE = 120
"""Seconds after which an import counts as stuck."""

_SCRIPT = f"""
import importlib, json, sys, time
import attnforge.plugin
from attnforge.plugin.declared import describe_error
before = set(sys.modules)
began, error = time.process_time(), None
try:
    module = importlib.import_module(sys.argv[1])
    for name in ("attnforge_components", "attnforge_recipes", "attnforge_commands"):
        if hasattr(module, name):
            list(getattr(module, name)())
except (Exception, SystemExit) as raised:
    error = describe_error(raised)
took = time.process_time() - began
heavy = [name for name in {HEAVY!r} if name in sys.modules and name not in before]
print()
print(json.dumps([took, heavy, error]))
"""


@dataclass(frozen=True, slots=True)
class FreshImport:
    """How the import of a module went."""

    seconds: float
    """Of processor time, the declaring hooks included."""
    heavy: tuple[str, ...]
    """Heavy packages that it imported."""
    error: str | None
    """What it raised, or None."""


def import_fresh(module: str) -> FreshImport:
    """Import a plugin's module and call its declaring hooks in a fresh interpreter.

    Args:
        module: Its dotted name; it is looked for where this process looks.
    """
    best = _once(module)
    for _ in range(TRIES - 1):
        # No machine is so busy that ten times the limit is not the module's own doing.
        if best.error is not None or best.heavy or not LIMIT < best.seconds <= 10 * LIMIT:
            break
        best = min(best, _once(module), key=lambda found: found.seconds)
    return best


def _once(module: str) -> FreshImport:
    path = os.pathsep.join(one or os.curdir for one in sys.path)
    try:
        done = subprocess.run(  # noqa: S603  (this interpreter, the script above)
            [sys.executable, "-c", _SCRIPT, module],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            env={**os.environ, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        return FreshImport(PATIENCE, (), f"it was not through after {PATIENCE} seconds")
    if done.returncode != 0 or not done.stdout.strip():
        last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        return FreshImport(0.0, (), f"the interpreter ended: {last}")
    seconds, heavy, error = json.loads(done.stdout.splitlines()[-1])
    return FreshImport(float(seconds), tuple(heavy), error)
