"""A JSON Schema (draft-07) of recipes, composed from pydantic's schema of every value.

A recipe with `extends` may leave required keys to its parent, so every definition has two variants: `whole`
and `part`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attnforge.errors import AttnforgeError
from attnforge.plugin import Component, PluginCatalogue
from attnforge.recipe.options import MISSING, options_of
from attnforge.recipe.schema import Recipe
from attnforge.recipe.shapes import (
    EitherShape,
    ListShape,
    OptionalShape,
    SectionShape,
    Shape,
    SlotShape,
    TableShape,
    ValueShape,
)
from attnforge.recipe.tree import UNWRITABLE
from attnforge.recipe.values import dump

Schema = dict[str, Any]


def json_schema(plugins: PluginCatalogue) -> Schema:
    """The schema of every recipe that can be written with the installed components.

    It imports every component. One that cannot be imported is listed by name and accepts any option.
    """
    definitions: Schema = {}
    whole = _Writer(plugins, definitions, partial=False).shape(SectionShape(Recipe))
    part = _Writer(plugins, definitions, partial=True).shape(SectionShape(Recipe))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "attnforge recipe",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": part,
        "else": whole,
        "definitions": definitions,
    }


class _Writer:
    def __init__(self, plugins: PluginCatalogue, definitions: Schema, *, partial: bool) -> None:
        self.plugins = plugins
        self.definitions = definitions
        self.partial = partial

    def shape(self, shape: Shape) -> Schema:
        match shape:
            case ValueShape():
                return self._value(shape)
            case OptionalShape():
                return {"anyOf": [self.shape(shape.item), {"type": "null"}]}
            case EitherShape():
                forms = (shape.value, shape.section, shape.items)
                return {"anyOf": [self.shape(form) for form in forms if form is not None]}
            case SlotShape():
                return self._define(f"slot.{shape.kind}", lambda: self._slot(shape.kind))
            case SectionShape():
                name = f"section.{shape.target.__module__}.{shape.target.__qualname__}"
                return self._define(name, lambda: self._section(shape.target))
            case ListShape():
                return {"type": "array", "items": self.shape(shape.item)}
            case TableShape():
                item = {"anyOf": [self.shape(shape.item), {"type": "null"}]}
                return {"type": "object", "additionalProperties": item}

    def _define(self, name: str, write: Any) -> Schema:
        name = f"{'part' if self.partial else 'whole'}.{name}"
        if name not in self.definitions:
            # Set first, because definitions may be recursive: an attention may contain an attention.
            self.definitions[name] = {}
            self.definitions[name] = write()
        return {"$ref": f"#/definitions/{name}"}

    def _section(self, target: type) -> Schema:
        schema = self._object(target, {})
        if target is Recipe:
            schema["properties"]["lock"] = {"type": "object"}
            schema["properties"]["requires"] = {
                "type": "array",
                "items": {"type": "string"},
                "description": 'Packages that must be installed, such as "attnforge-gated>=0.2".',
            }
            schema["properties"]["extends"] = {
                "type": "string",
                "description": "One parent: a recipe's name, or a path relative to this file.",
            }
        return schema

    def _object(self, target: type, properties: Schema) -> Schema:
        required = list(properties)
        for name, option in options_of(target).items():
            described = self.shape(option.shape)
            extra: Schema = {"description": option.summary} if option.summary else {}
            value = option.shape.value if isinstance(option.shape, EitherShape) else option.shape
            if isinstance(value, ValueShape) and option.default is not MISSING:
                default = dump(value.adapter, option.default)
                if default is not UNWRITABLE:
                    extra["default"] = default
            # Draft-07 ignores keys beside `$ref`.
            described = {"allOf": [described]} if "$ref" in described else described
            properties[name] = {**described, **extra}
            if option.default is MISSING and not self.partial:
                required.append(name)
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**schema, "required": required} if required else schema

    def _slot(self, kind: str) -> Schema:
        components = [component for component in self.plugins.registry if component.kind == kind]
        maps = [self._component(component) for component in components]
        bare = [
            component.name
            for component, described in zip(components, maps, strict=True)
            if described.get("required", []) == ["use"]
        ]
        if self.partial:
            # Options of the component that the parent names, which cannot be known here.
            maps.append({"type": "object", "not": {"required": ["use"]}})
        names = [{"enum": bare}, _pinned(bare)] if bare else []
        return {"anyOf": [*names, *maps] or [{"not": {}}]}

    def _component(self, component: Component) -> Schema:
        named = {"anyOf": [{"const": component.name}, _pinned([component.name])]}
        use: Schema = {"use": {**named, "description": component.summary}}
        try:
            schema = self._object(self.plugins.registry.load(component), use)
        except AttnforgeError:
            schema = {"type": "object", "properties": use, "required": ["use"]}
        return {**schema, "title": component.name, "description": component.summary}

    def _value(self, shape: ValueShape) -> Schema:
        schema = shape.adapter.json_schema(ref_template="#/definitions/{model}")
        self.definitions.update(_draft7(schema.pop("$defs", {})))
        described: Schema = _draft7(schema)
        return described


def _pinned(names: Sequence[str]) -> Schema:
    """These names with a version, as in `word@1`."""
    return {"type": "string", "pattern": f"^({'|'.join(names)})@[1-9][0-9]*$"}


def _draft7(schema: Any) -> Any:
    """Convert from pydantic's draft 2020-12, where the items of a tuple have another key."""
    if isinstance(schema, list):
        return [_draft7(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _draft7(value) for key, value in schema.items()}
    if isinstance(changed.get("prefixItems"), list):
        changed["items"] = changed.pop("prefixItems")
        changed["additionalItems"] = False
    return changed
