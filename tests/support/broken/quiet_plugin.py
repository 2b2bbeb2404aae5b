"""A valid plugin module, without heavy imports."""

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """No components: the tests declare theirs."""
    return []
