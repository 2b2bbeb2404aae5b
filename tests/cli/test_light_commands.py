"""Commands import what they need and no more: the networks of others take seconds to import."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("timm", "transformers")  # torchvision has the network that the recipe asks for
LOOK = f"""
import sys
from attnforge.cli import run
assert run(["validate", "attngan2-cub"]) == 0
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def test_validating_a_recipe_imports_no_zoo_of_networks_that_it_does_not_use() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
