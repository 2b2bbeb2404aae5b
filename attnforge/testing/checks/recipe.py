"""What every component that recipes name promises: what a recipe says comes back unchanged."""

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

UNKNOWN = "conformance-unknown-key"
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 7, 0.5, -0.5, 1e9),
    *("", "auto", "none", "all", "a", "1", "true"),
    *([], [1], [0, 1], [0.5, 0.5], ["a"], {}, {"a": 1}, {"a": "b"}),
)
"""What recipes may say of an option: numbers, words, lists and maps, right or wrong."""


def recipe_round_trip(subject: Subject) -> None:
    """A recipe with it resolves, builds it, and is the same recipe after it was frozen."""
    resolved = _resolved(subject, _recipe(subject, subject.options))
    again = _frozen(subject, resolved)
    require(again.data() == resolved.data(), f"frozen, the recipe says {_difference(resolved, again)}")
    require(again.digest == resolved.digest, "the frozen recipe has another digest")
    told = subject.spec()
    built = live(_choice(subject, again))(*(() if told is None else (told,)))
    require(isinstance(built, subject.target), f"the frozen recipe builds a {type(built).__name__}")


def json_schema_agrees(subject: Subject) -> None:
    """The JSON Schema accepts every recipe that attnforge accepts, and neither accepts an unknown option."""
    written = _recipe(subject, subject.options)
    resolved = _resolved(subject, written)
    used = {choice.component for choice in choices(resolved.tree)}
    known = with_examples(subject.plugins, only=[one for one in subject.plugins.registry if one in used])
    schema = json_schema(known)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    for said in (written, resolved.data()):
        faults = [fault.message for fault in validator.iter_errors(_plain(said))]
        require(not faults, f"the JSON Schema refuses a right recipe: {faults[:1]}")
    wrong = _recipe(subject, {**subject.options, UNKNOWN: 1})
    error = raises(RecipeError, lambda: _resolved(subject, wrong), "attnforge takes an unknown option")
    require(UNKNOWN in str(error), f"the error does not name the unknown option: {error}")
    require(not validator.is_valid(_plain(wrong)), "the JSON Schema accepts an unknown option")
    for name, option in options_of(subject.target).items():
        if isinstance(option.shape, ValueShape):
            _takes_what_is_decoded(name, option.shape.adapter)


def _takes_what_is_decoded(name: str, adapter: TypeAdapter[Any]) -> None:
    """An editor must not call wrong what attnforge reads."""
    validator = jsonschema.Draft202012Validator(adapter.json_schema())
    for value in VALUES:
        try:
            adapter.validate_json(json.dumps(value), strict=True)  # as recipes are decoded
        except ValidationError:
            continue
        except Exception as error:
            said = f"`{name}: {json.dumps(value)}` in a recipe"
            raise AssertionError(f"{said} ends in a traceback: {type(error).__name__}: {error}") from error
        taken = validator.is_valid(value)
        require(taken, f"attnforge reads `{name}: {json.dumps(value)}`, which the JSON Schema calls wrong")


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
    said = {"use": subject.component.name, **options}
    match subject.component.kind:
        case "tokenizer" | "generator" | "discriminator":
            recipe[subject.component.kind] = said
        case "dataset":
            recipe["data"] = said
        case "text-encoder" | "image-encoder":
            recipe[subject.component.kind.partition("-")[0]] = said
        case "conditioner":
            recipe["generator"]["conditioner"] = said
        case "attention":
            recipe["generator"]["stages"] += [{"use": NAME, "attention": said}]
        case "stage":
            recipe["generator"]["stages"] = [said]
        case "loss":
            recipe["losses"]["examined"] = said
        case "metric":
            recipe["evaluation"]["metrics"]["examined"] = said
        case "tracker":
            recipe["trackers"]["examined"] = said
        case "task":
            phase["task"] = said
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
    """Where the recipe names the component; outer ones come first."""
    return next(one for one in choices(resolved.tree) if one.component == subject.component)


def _difference(before: ResolvedRecipe, after: ResolvedRecipe) -> str:
    old, new = write(before.data()).splitlines(), write(after.data()).splitlines()
    return "; ".join(
        f"`{two.strip()}` for `{one.strip()}`" for one, two in zip(old, new, strict=False) if one != two
    )


def _plain(data: object) -> Any:
    """As a JSON file holds it."""
    return json.loads(json.dumps(data, default=str))


CHECKS: tuple[Callable[[Subject], None], ...] = (recipe_round_trip, json_schema_agrees)
