"""What the module that declares components promises: listing them costs next to nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache

from attnforge.testing.expect import require
from attnforge.testing.subject import Subject

LIMIT = 0.05
"""Seconds of processor time that importing a plugin's module may take beyond attnforge's own import."""
TRIES = 5
"""A busy machine is slow now and then: the best of so many tries counts."""
HEAVY = ("torch", "torchvision", "timm", "transformers", "tensorflow", "jax")
_SCRIPT = f"""
import importlib, json, sys, time
import attnforge.plugin
before = set(sys.modules)
began = time.process_time()
module = importlib.import_module(sys.argv[1])
for value in list(vars(module).values()):
    if getattr(value, "__name__", "") in ("attnforge_components", "attnforge_recipes", "attnforge_commands"):
        result = value()
        list(result)
took = time.process_time() - began
print(json.dumps([took, [name for name in {HEAVY!r} if name in sys.modules and name not in before]]))
"""


def plugin_module_imports_no_torch(subject: Subject) -> None:
    """The plugin's module declares its components without importing torch or another heavy package."""
    heavy = _imported(_module(subject), 1)[1]
    require(not heavy, f"importing {_module(subject)} also imports {', '.join(heavy)}")


def plugin_module_is_quick(subject: Subject) -> None:
    """The plugin's module declares its components within 50 ms beyond attnforge's own import."""
    module = _module(subject)
    best = float("inf")
    for attempt in range(1, TRIES + 1):
        best = min(best, _imported(module, attempt)[0])
        if best <= LIMIT:
            return
        if best > 10 * LIMIT:  # no machine is as busy as that
            break
    require(False, f"importing {module} takes {1000 * best:.0f} ms; {1000 * LIMIT:.0f} are allowed")


def _module(subject: Subject) -> str:
    return subject.plugins.owner(subject.component).module


@lru_cache(maxsize=256)
def _imported(module: str, attempt: int) -> tuple[float, tuple[str, ...]]:
    """Seconds and heavy packages of one import in a fresh interpreter; what is found once is kept."""
    path = os.pathsep.join(one or os.curdir for one in sys.path)
    found = subprocess.run(  # noqa: S603  (this interpreter, a script of this module)
        [sys.executable, "-c", _SCRIPT, module],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    require(found.returncode == 0, f"{module} cannot be imported in a fresh interpreter:\n{found.stderr}")
    took, heavy = json.loads(found.stdout.splitlines()[-1])
    return float(took), tuple(heavy)


CHECKS: tuple[Callable[[Subject], None], ...] = (plugin_module_imports_no_torch, plugin_module_is_quick)
