"""A plugin's module that imports torch at its top."""

import torch

from attnforge.plugin import Component, hookimpl

VERSION = torch.__version__


@hookimpl
def attnforge_components() -> list[Component]:
    """Nothing: the tests declare what they break themselves."""
    return []
