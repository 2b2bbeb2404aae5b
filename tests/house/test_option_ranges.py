"""Every number that a shipped component or a section takes has a range, so that slips are refused at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from attnforge.plugin import KINDS, load_plugins
from attnforge.recipe.options import options_of
from attnforge.recipe.schema import Evaluation, Phase, Samples, Training
from attnforge.recipe.shapes import EitherShape, ListShape, OptionalShape, Shape, TableShape, ValueShape

SEEDS = frozenset({"seed"})
"""Any number is a seed."""
LOWER = ("minimum", "exclusiveMinimum", "enum")


def targets() -> Iterator[tuple[str, type]]:
    registry = load_plugins().registry
    yield from ((one.__name__, one) for one in (Evaluation, Phase, Samples, Training))
    for kind in KINDS:
        for name in registry.names(kind):
            yield f"{kind} {name}", registry.load(registry.get(kind, name))


def leaf(shape: Shape) -> Shape:
    while isinstance(shape, OptionalShape | ListShape | TableShape):
        shape = shape.item
    return shape.value if isinstance(shape, EitherShape) else shape


def numbers(schema: Any) -> Iterator[dict[str, Any]]:
    """Every number of a JSON schema."""
    if isinstance(schema, dict):
        if schema.get("type") in ("integer", "number"):
            yield schema
        for value in schema.values():
            yield from numbers(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from numbers(value)


@pytest.mark.parametrize(("what", "target"), list(targets()))
def test_numbers_have_a_range(what: str, target: type) -> None:
    for name, option in options_of(target).items():
        shape = leaf(option.shape)
        if name in SEEDS or not isinstance(shape, ValueShape):
            continue
        for number in numbers(shape.adapter.json_schema()):
            assert any(bound in number for bound in LOWER), f"{what}: option {name} has no lower bound"
