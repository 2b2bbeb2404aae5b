"""Components that break what every component promises: of their record, constructor, module and recipe."""

from __future__ import annotations

from typing import Annotated, Any

from broken.mutant import Mutant
from pydantic import BeforeValidator, WithJsonSchema

from attnforge.specs import AttentionSpec, ConditionerSpec
from attnforge.testing.examples.generators import ExampleAttention, ExampleConditioner


class WellMade(ExampleAttention):
    """An attention with nothing wrong: its record or its module is."""


class PositionalOption(ExampleAttention):
    """Takes an option before the star."""

    def __init__(self, spec: AttentionSpec, heads: int = 1) -> None:
        super().__init__(spec)


class UntypedOption(ExampleAttention):
    """Has an option without a type.

    Args:
        heads: Of no use.
    """

    def __init__(self, spec: AttentionSpec, *, heads=1) -> None:  # type: ignore[no-untyped-def]
        super().__init__(spec)


class UndocumentedOption(ExampleAttention):
    """Has an option that nobody explains."""

    def __init__(self, spec: AttentionSpec, *, heads: int = 1) -> None:
        super().__init__(spec)


class LacksItsWidth(ExampleConditioner):
    """Keeps the width of its condition to itself."""

    def __init__(self, spec: ConditionerSpec) -> None:
        super().__init__(spec)
        del self.dim


def _twice(number: Any) -> Any:
    return 2 * number if type(number) is int else number


class DoublesItsOption(ExampleAttention):
    """Reads twice the number that a recipe says, so that what is frozen is read twice again.

    Args:
        heads: Of no use.
    """

    def __init__(self, spec: AttentionSpec, *, heads: Annotated[int, BeforeValidator(_twice)] = 1) -> None:
        super().__init__(spec)


class LiesToEditors(ExampleAttention):
    """Takes a number, and tells editors that it takes a text.

    Args:
        heads: Of no use.
    """

    def __init__(
        self, spec: AttentionSpec, *, heads: Annotated[int, WithJsonSchema({"type": "string"})] = 1
    ) -> None:
        super().__init__(spec)


def _automatic(said: Any) -> Any:
    return 1 if said == "auto" else said


class KeepsAWordFromEditors(ExampleAttention):
    """Reads a word where editors know of numbers only.

    Args:
        heads: Of no use.
    """

    def __init__(
        self, spec: AttentionSpec, *, heads: Annotated[int, BeforeValidator(_automatic)] = 1
    ) -> None:
        super().__init__(spec)


_UNREADABLE = "no recipe can be decoded when an option has no type"

MUTANTS = (
    Mutant("declaration_is_complete", "attention", WellMade, summary="two\nlines"),
    Mutant("constructor_takes_its_spec", "attention", PositionalOption),
    Mutant(
        "parameters_are_typed",
        "attention",
        UntypedOption,
        also={"recipe_round_trip": _UNREADABLE, "json_schema_agrees": _UNREADABLE},
    ),
    Mutant("parameters_are_documented", "attention", UndocumentedOption),
    Mutant(
        "builds_with_its_options",
        "conditioner",
        LacksItsWidth,
        also={"shapes": "the condition's width is compared with the one that is missing"},
    ),
    Mutant(
        "plugin_module_imports_no_torch",
        "attention",
        WellMade,
        module="broken.heavy_plugin",
        also={"plugin_module_is_quick": "nobody imports torch within 50 ms"},
    ),
    Mutant("plugin_module_is_quick", "attention", WellMade, module="broken.slow_plugin"),
    Mutant("recipe_round_trip", "attention", DoublesItsOption),
    Mutant("json_schema_agrees", "attention", LiesToEditors),
    Mutant("json_schema_agrees", "attention", KeepsAWordFromEditors),
)
