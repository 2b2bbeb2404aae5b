"""A plugin's module that computes for a tenth of a second before it declares anything."""

import time

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """Nothing, slowly."""
    began = time.process_time()
    while time.process_time() - began < 0.1:
        pass
    return []
