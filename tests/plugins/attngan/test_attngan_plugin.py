"""What the AttnGAN plugin declares is there, takes what attnforge hands over, and costs no torch to list."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module

import pytest
from attnforge_attngan.plugin import attnforge_components

from attnforge.plugin import KINDS, Component


@pytest.mark.parametrize("component", attnforge_components(), ids=lambda it: f"{it.kind}-{it.name}")
def test_every_component_is_where_it_says(component: Component) -> None:
    module, _, name = component.target.partition(":")
    found = getattr(import_module(module), name)
    handed = [
        parameter.name
        for parameter in inspect.signature(found).parameters.values()
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    assert component.kind in KINDS
    assert handed == ([] if KINDS[component.kind].spec is None else ["spec"])
    assert (found.__doc__ or "").strip().splitlines()[0].endswith(".")


def test_listing_the_components_imports_no_torch() -> None:
    program = (
        "import sys\n"
        "from attnforge_attngan.plugin import attnforge_components\n"
        "attnforge_components()\n"
        "print([name for name in ('torch', 'torchvision', 'timm') if name in sys.modules])\n"
    )
    paths = [path for path in sys.path if path]
    listed = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.path[:0] = {paths!r}\n{program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.strip() == "[]"
