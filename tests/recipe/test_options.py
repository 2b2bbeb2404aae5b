"""The constructor is the schema: which options a class has, and what a recipe can say in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import pytest
import small_parts
from pydantic import Field

from attnforge.errors import PluginError
from attnforge.interfaces import Attention, Build, Loss
from attnforge.recipe.options import MISSING, options_of
from attnforge.recipe.shapes import ListShape, OptionalShape, SlotShape, TableShape


def test_options_are_the_keyword_only_parameters() -> None:
    options = options_of(small_parts.Birds)
    assert list(options) == ["root", "colours", "scale", "flip"]
    assert options["scale"].default == 1.0
    assert options["colours"].summary == "What they may be."
    assert options_of(small_parts.Fish)["pond"].default is MISSING
    assert options_of(small_parts.Stare) == {}


def test_a_spec_that_only_type_checkers_import_is_no_obstacle() -> None:
    assert list(options_of(small_parts.Reader)) == ["dim", "cell"]


def test_slots_are_found_in_containers() -> None:
    class Holder:
        def __init__(
            self,
            *,
            one: Annotated[Build[Attention], "said"],
            maybe: Build[Attention] | None = None,
            some: tuple[Build[Loss], ...] = (),
            named: Mapping[str, Build[Loss]] | None = None,
        ) -> None: ...

    options = options_of(Holder)
    assert isinstance(options["one"].shape, SlotShape)
    assert options["one"].shape.kind == "attention"
    assert isinstance(options["maybe"].shape, OptionalShape)
    assert isinstance(options["some"].shape, ListShape)
    assert isinstance(options["named"].shape, OptionalShape)
    assert isinstance(options["named"].shape.item, TableShape)


def test_a_dataclass_may_be_a_component() -> None:
    @dataclass(kw_only=True)
    class Part:
        sizes: list[int] = field(default_factory=lambda: [1, 2])
        depth: Annotated[int, Field(ge=1)]

    options = options_of(Part)
    assert options["sizes"].default == [1, 2]
    assert options["depth"].default is MISSING


class Unnamed:
    def __init__(self, *, option: Build) -> None: ...  # type: ignore[type-arg]


class Mixed:
    def __init__(self, *, option: Build[Attention] | int) -> None: ...


class Keyed:
    def __init__(self, *, option: dict[int, Build[Attention]]) -> None: ...


class Strange:
    def __init__(self, *, option: Build[int]) -> None: ...


class Unsayable:
    def __init__(self, *, option: small_parts.Part) -> None: ...


class Unknown:
    def __init__(self, *, option: NoSuchName) -> None: ...  # type: ignore[name-defined]


class Bare:
    def __init__(self, *, option=1) -> None: ...  # type: ignore[no-untyped-def]


@pytest.mark.parametrize("target", [Unnamed, Mixed, Keyed, Strange, Unsayable, Unknown, Bare])
def test_an_annotation_that_no_recipe_can_fill_is_named(target: type) -> None:
    with pytest.raises(PluginError, match="option `option`") as caught:
        options_of(target)
    assert caught.value.problems[0].code == "component-signature"


def test_a_callable_is_a_value_and_no_slot() -> None:
    class Part:
        def __init__(self, *, function: Callable[[int], str] = str) -> None: ...

    assert not isinstance(options_of(Part)["function"].shape, SlotShape)
