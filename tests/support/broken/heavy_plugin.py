"""A plugin's module that imports torch."""

import torch

from attnforge.plugin import Component, hookimpl

VERSION = torch.__version__


@hookimpl
def attnforge_components() -> list[Component]:
    """No components: the tests declare theirs."""
    return []
