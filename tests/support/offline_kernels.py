"""Compiles kernels for GPUs that are not at hand, in a process of its own without Triton's interpreter.

Called with places of functions, `module:name` each. A function yields a name and a compiled kernel for each
kernel to compile; what those take is printed as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module


def compiled_offline(*places: str) -> dict[str, dict[str, int]]:
    """The `registers`, `spilled_bytes` and `shared_bytes` of each kernel of the functions at `places`."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, __file__, *places]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found


def main(*places: str) -> None:
    found = {}
    for place in places:
        module, _, name = place.partition(":")
        for label, one in getattr(import_module(module), name)():
            found[label] = {
                "registers": one.registers,
                "spilled_bytes": one.spilled_bytes,
                "shared_bytes": one.shared_bytes,
            }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
