"""A plugin's module as it should be: it imports nothing that is heavy."""

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """Nothing: the tests declare what they break themselves."""
    return []
