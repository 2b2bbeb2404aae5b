"""Components that break a promise of every kind, about declaration, constructor, module or recipe."""

from __future__ import annotations

from typing import Annotated, Any

from broken.mutant import Mutant
from pydantic import BeforeValidator, WithJsonSchema

from attnforge.specs import AttentionSpec, ConditionerSpec
from attnforge.testing.examples.generators import ExampleAttention, ExampleConditioner


class WellMade(ExampleAttention):
    """An attention without a mistake; its declaration or its module has one."""


class PositionalOption(ExampleAttention):
    """Takes an option before the star."""

    def __init__(self, spec: AttentionSpec, heads: int = 1) -> None:
        super().__init__(spec)


class UntypedOption(ExampleAttention):
    """Has an option without a type.

    Args:
        heads: Unused.
    """

    def __init__(self, spec: AttentionSpec, *, heads=1) -> None:  # type: ignore[no-untyped-def]
        super().__init__(spec)


class UndocumentedOption(ExampleAttention):
    """Has an undocumented option."""

    def __init__(self, spec: AttentionSpec, *, heads: int = 1) -> None:
        super().__init__(spec)


class LacksDim(ExampleConditioner):
    """Has no attribute `dim`."""

    def __init__(self, spec: ConditionerSpec) -> None:
        super().__init__(spec)
        del self.dim


def _twice(number: Any) -> Any:
    return 2 * number if type(number) is int else number


class DoublesItsOption(ExampleAttention):
    """Doubles the number in a recipe, so that the frozen recipe is doubled again.

    Args:
        heads: Unused.
    """

    def __init__(self, spec: AttentionSpec, *, heads: Annotated[int, BeforeValidator(_twice)] = 1) -> None:
        super().__init__(spec)


class HasAWrongSchema(ExampleAttention):
    """Takes a number, while its schema requires a string.

    Args:
        heads: Unused.
    """

    def __init__(
        self, spec: AttentionSpec, *, heads: Annotated[int, WithJsonSchema({"type": "string"})] = 1
    ) -> None:
        super().__init__(spec)


def _automatic(value: Any) -> Any:
    return 1 if value == "auto" else value


class HasAnIncompleteSchema(ExampleAttention):
    """Accepts a word, while its schema allows numbers only.

    Args:
        heads: Unused.
    """

    def __init__(
        self, spec: AttentionSpec, *, heads: Annotated[int, BeforeValidator(_automatic)] = 1
    ) -> None:
        super().__init__(spec)


_UNREADABLE = "a recipe cannot be decoded when an option has no type"

MUTANTS = (
    Mutant("declaration_is_complete", "attention", WellMade, summary="two\nlines"),
    Mutant("constructor_signature", "attention", PositionalOption),
    Mutant(
        "options_are_typed",
        "attention",
        UntypedOption,
        also={"recipe_round_trip": _UNREADABLE, "json_schema_agrees": _UNREADABLE},
    ),
    Mutant("options_are_documented", "attention", UndocumentedOption),
    Mutant(
        "implements_its_interface",
        "conditioner",
        LacksDim,
        also={"shapes": "the condition's width is compared with the missing `dim`"},
    ),
    Mutant(
        "plugin_module_imports_no_torch",
        "attention",
        WellMade,
        module="broken.heavy_plugin",
        also={"plugin_module_imports_quickly": "importing torch takes longer than 50 ms"},
    ),
    Mutant("plugin_module_imports_quickly", "attention", WellMade, module="broken.slow_plugin"),
    Mutant("recipe_round_trip", "attention", DoublesItsOption),
    Mutant("json_schema_agrees", "attention", HasAWrongSchema),
    Mutant("json_schema_agrees", "attention", HasAnIncompleteSchema),
)
