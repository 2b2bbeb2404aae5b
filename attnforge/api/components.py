"""Components that are written in Python, such as in the cell of a notebook, with no plugin around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attnforge.api import arguments
from attnforge.api.declared import MARK, bad_declaration
from attnforge.errors import PluginError, Problem
from attnforge.plugin import Component, Plugin
from attnforge.plugin.declared import PluginDisabledError, check_components
from attnforge.plugin.plugin import IN_PYTHON

_Class = TypeVar("_Class", bound=type)


def component(kind: str, name: str, *, version: int = 1) -> Callable[[_Class], _Class]:
    """Declare a class as a component, so that recipes in Python can use it.

    `@attnforge.component("attention", "gated")` above a class, which is then a value of a recipe:
    `{"use": "refine", "attention": Gated}`, or `functools.partial(Gated, bias=2.0)`. Nothing is registered:
    what loads the run is passed the class, as in `attnforge.load("runs/gated", components=[Gated])`. To train
    and load it without Python, move the class into a plugin, as `attnforge plugins new` writes one.

    Args:
        kind: One of `attnforge.plugin.KINDS`.
        name: Its name in runs, which no installed component has: lower-case words joined by hyphens.
        version: To be increased when the same recipe would build something else.

    Raises:
        PluginError: `bad-declaration`: kind, name or version is malformed, or the class is inside a function.
    """

    arguments.text("kind", kind, expected="a kind of component, such as `attention`")
    arguments.text("name", name, expected="a name of lower-case words joined by hyphens")

    def declare(target: _Class) -> _Class:
        if not isinstance(target, type):
            raise arguments.refused("target", target, "a class, below `@attnforge.component(KIND, NAME)`")
        summary = (target.__doc__ or "").strip().partition("\n")[0]
        place = f"{target.__module__}:{target.__qualname__}"
        if "<locals>" in place:
            message = f"the class {target.__qualname__} is inside a function, where nothing can import it"
            expected = "a class of a module, or of a notebook's cell"
            raise PluginError(Problem("bad-declaration", message, None, expected))
        try:
            record = Component(kind, name, place, summary, version)
            plugin = Plugin(IN_PYTHON, target.__module__, IN_PYTHON, "unknown", components=(record,))
            check_components(plugin, ())
            setattr(target, MARK, record)
        except (ValueError, PluginDisabledError) as error:
            raise bad_declaration(str(error)) from error
        except TypeError as error:
            raise arguments.refused("target", target, "a class that is written in Python") from error
        return target

    return declare
