"""What every component that recipes can use promises: its recipe is read, written and read back unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import jsonschema  # type: ignore[import-untyped]
from pydantic import TypeAdapter, ValidationError

from attnforge.build.assemble import live
from attnforge.errors import RecipeError
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.recipe.json_schema import json_schema
from attnforge.recipe.options import options_of
from attnforge.recipe.scalars import write
from attnforge.recipe.shapes import ValueShape
from attnforge.recipe.tree import Choice, choices
from attnforge.testing.examples import NAME, with_examples
from attnforge.testing.expect import raises, require
from attnforge.testing.subject import Subject

UNKNOWN_OPTION = "conformance-unknown-key"
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 7, 0.5, -0.5, 1e9),
    *("", "auto", "none", "all", "a", "1", "true"),
    *([], [1], [0, 1], [0.5, 0.5], ["a"], {}, {"a": 1}, {"a": "b"}),
)
"""Values that a recipe may give an option, valid or not: numbers, text, lists and maps."""


def recipe_round_trip(subject: Subject) -> None:
    """A recipe with it resolves and builds it, and its frozen form is the same recipe."""
    resolved = _resolved(subject, _recipe(subject, subject.options))
    frozen = _frozen(subject, resolved)
    require(frozen.data() == resolved.data(), f"the frozen recipe differs: {_difference(resolved, frozen)}")
    require(frozen.digest == resolved.digest, "the frozen recipe has a different digest")
    spec = subject.spec()
    built = live(_choice(subject, frozen))(*(() if spec is None else (spec,)))
    require(isinstance(built, subject.target), f"the frozen recipe builds a {type(built).__name__}")


def json_schema_agrees(subject: Subject) -> None:
    """The JSON Schema accepts what attnforge accepts, and both reject an unknown option."""
    source = _recipe(subject, subject.options)
    resolved = _resolved(subject, source)
    used = {choice.component for choice in choices(resolved.tree)}
    known = with_examples(
        subject.plugins, only=[component for component in subject.plugins.registry if component in used]
    )
    schema = json_schema(known)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    for recipe in (source, resolved.data()):
        errors = [error.message for error in validator.iter_errors(_plain(recipe))]
        require(not errors, f"the JSON Schema rejects a valid recipe: {errors[:1]}")
    invalid = _recipe(subject, {**subject.options, UNKNOWN_OPTION: 1})
    error = raises(RecipeError, lambda: _resolved(subject, invalid), "attnforge accepts an unknown option")
    require(UNKNOWN_OPTION in str(error), f"the error does not name the unknown option: {error}")
    require(not validator.is_valid(_plain(invalid)), "the JSON Schema accepts an unknown option")
    for name, option in options_of(subject.target).items():
        if isinstance(option.shape, ValueShape):
            _require_schema_accepts(name, option.shape.adapter)


def _require_schema_accepts(name: str, adapter: TypeAdapter[Any]) -> None:
    """Require that the schema accepts every value that attnforge accepts, for the sake of editors."""
    validator = jsonschema.Draft202012Validator(adapter.json_schema())
    for value in VALUES:
        try:
            adapter.validate_json(json.dumps(value), strict=True)  # as recipes are decoded
        except ValidationError:
            continue
        except Exception as error:
            message = f"`{name}: {json.dumps(value)}` in a recipe raises {type(error).__name__}: {error}"
            raise AssertionError(message) from error
        accepted = validator.is_valid(value)
        require(accepted, f"attnforge accepts `{name}: {json.dumps(value)}`, the JSON Schema does not")


def _recipe(subject: Subject, options: Mapping[str, object]) -> dict[str, Any]:
    """A recipe of examples, with the component in a slot of its kind."""
    phase: dict[str, Any] = {"task": NAME, "steps": 1, "max_words": 300}
    recipe: dict[str, Any] = {
        "data": NAME,
        "tokenizer": NAME,
        "text": NAME,
        "image": NAME,
        "discriminator": NAME,
        "generator": {"use": NAME, "stages": [NAME]},
        "losses": {"example": NAME},
        "phases": {"example": phase},
        "evaluation": {"metrics": {"example": NAME}},
        "trackers": {"example": NAME},
        **subject.recipe,
    }
    section = {"use": subject.component.name, **options}
    match subject.component.kind:
        case "tokenizer" | "generator" | "discriminator":
            recipe[subject.component.kind] = section
        case "dataset":
            recipe["data"] = section
        case "text-encoder" | "image-encoder":
            recipe[subject.component.kind.partition("-")[0]] = section
        case "conditioner":
            recipe["generator"]["conditioner"] = section
        case "attention":
            recipe["generator"]["stages"] += [{"use": NAME, "attention": section}]
        case "stage":
            recipe["generator"]["stages"] = [section]
        case "loss":
            recipe["losses"]["tested"] = section
        case "sampler":
            recipe["sampling"] = section
        case "scorer":
            recipe["sampling"] = {"use": NAME, "scorer": section}
        case "feature-network":
            recipe["evaluation"]["metrics"]["example"] = {"use": NAME, "network": section}
        case "metric":
            recipe["evaluation"]["metrics"]["tested"] = section
        case "tracker":
            recipe["trackers"]["tested"] = section
        case "task":
            phase["task"] = section
    return recipe


def _resolved(subject: Subject, recipe: Mapping[str, object]) -> ResolvedRecipe:
    return _read(subject, write(dict(recipe)), "recipe.yaml")


def _frozen(subject: Subject, resolved: ResolvedRecipe) -> ResolvedRecipe:
    return _read(subject, resolved.frozen(), "frozen.yaml")


def _read(subject: Subject, text: str, name: str) -> ResolvedRecipe:
    path = subject.folder / name
    path.write_text(text, encoding="utf-8")
    return resolve(path, plugins=with_examples(subject.plugins))


def _choice(subject: Subject, resolved: ResolvedRecipe) -> Choice:
    """Where the recipe uses the component, the outermost place first."""
    return next(choice for choice in choices(resolved.tree) if choice.component == subject.component)


def _difference(original: ResolvedRecipe, frozen: ResolvedRecipe) -> str:
    old, new = write(original.data()).splitlines(), write(frozen.data()).splitlines()
    return "; ".join(
        f"`{after.strip()}` for `{before.strip()}`"
        for before, after in zip(old, new, strict=False)
        if before != after
    )


def _plain(data: object) -> Any:
    """The data as JSON represents it."""
    return json.loads(json.dumps(data, default=str))


CHECKS: tuple[Callable[[Subject], None], ...] = (recipe_round_trip, json_schema_agrees)
