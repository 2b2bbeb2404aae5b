"""A plugin's module that computes for a tenth of a second before it declares components."""

import time

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """No components, slowly."""
    began = time.process_time()
    while time.process_time() - began < 0.1:
        pass
    return []
