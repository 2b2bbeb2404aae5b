"""The options of a section or a component, read from its constructor: the constructor is the schema."""

from __future__ import annotations

import dataclasses
import inspect
import keyword
import re
import sys
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from attnforge.errors import PluginError, Problem
from attnforge.recipe.shapes import BadAnnotationError, Shape, shape_of

MISSING = inspect.Parameter.empty


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One keyword-only parameter of a constructor."""

    name: str
    """Its key in a recipe."""
    shape: Shape
    default: Any
    """`MISSING` when the recipe must give it."""
    summary: str
    """Its line under `Args:`."""


@lru_cache(maxsize=512)
def options_of(target: type) -> Mapping[str, Option]:
    """The options of a component's or section's class, in the order of its constructor.

    Raises:
        PluginError: `component-signature` when an annotation is missing or cannot be expressed in a recipe.
    """
    fields = (
        {key_of(field.name): field for field in dataclasses.fields(target)}
        if _plain_dataclass(target)
        else {}
    )
    summaries = _summaries(target)
    options = {}
    for name, parameter in _parameters(target).items():
        default = parameter.default
        factory = fields[name].default_factory if name in fields else dataclasses.MISSING
        if factory is not dataclasses.MISSING:
            default = factory()
        try:
            shape = shape_of(_resolved(target, parameter))
        except BadAnnotationError as error:
            message = f"option `{name}` of {target.__module__}.{target.__qualname__}: {error}"
            raise PluginError(
                Problem("component-signature", message, next_step="attnforge plugins")
            ) from error
        options[name] = Option(name, shape, default, summaries.get(name, ""))
    return options


def _plain_dataclass(target: type) -> bool:
    return dataclasses.is_dataclass(target)


def _parameters(target: type) -> dict[str, inspect.Parameter]:
    try:
        parameters = inspect.signature(target.__init__).parameters  # type: ignore[misc]
    except (TypeError, ValueError):
        return {}
    return {
        key_of(name): item for name, item in parameters.items() if item.kind is inspect.Parameter.KEYWORD_ONLY
    }


def key_of(parameter: str) -> str:
    """The key of a parameter in a recipe: `from_`, which Python cannot call `from`, is `from`."""
    name = parameter.removesuffix("_")
    return name if keyword.iskeyword(name) else parameter


def parameter_of(key: str) -> str:
    """The parameter that a key in a recipe sets; see `key_of`."""
    return f"{key}_" if keyword.iskeyword(key) else key


def _resolved(target: type, parameter: inspect.Parameter) -> Any:
    """The evaluated annotation; each alone, so that a spec imported only for type checkers does no harm."""
    if parameter.annotation is MISSING:
        raise BadAnnotationError("it has no annotation")
    constructor = inspect.unwrap(target.__init__)  # type: ignore[misc]
    owner = next((base for base in target.__mro__ if "__init__" in vars(base)), target)
    names = {**vars(sys.modules.get(owner.__module__, typing)), **getattr(constructor, "__globals__", {})}
    holder = type("holder", (), {"__annotations__": {"option": parameter.annotation}})
    try:
        return typing.get_type_hints(holder, names, include_extras=True)["option"]
    except Exception as error:
        raise BadAnnotationError(
            f"annotation {parameter.annotation!r} cannot be evaluated: {error}"
        ) from error


def argument_lines(docstring: str | None) -> dict[str, str]:
    """The texts under `Args:` in a docstring, by name."""
    summaries: dict[str, str] = {}
    block = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", inspect.cleandoc(docstring or ""), re.MULTILINE)
    lines = block[1] if block else ""
    for name, text in re.findall(r"^    (\w+): (.+(?:\n        .+)*)", lines, re.MULTILINE):
        summaries.setdefault(name, " ".join(text.split()))
    return summaries


def _summaries(target: type) -> dict[str, str]:
    """The texts under `Args:` of the class and of its constructor."""
    of_constructor = argument_lines(target.__init__.__doc__)  # type: ignore[misc]
    lines = {**of_constructor, **argument_lines(target.__doc__)}
    return {key_of(name): line for name, line in lines.items()}
