"""More than two thousand faulty recipes: each resolves or raises RecipeError, and nothing else happens."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_recipes import WHOLE, Kitchen

from attnforge.errors import Problem, RecipeError
from attnforge.recipe import resolve
from attnforge.recipe.scalars import write

WHOLE_DATA = yaml.safe_load(WHOLE.replace("1e-3", "0.001"))
ODD = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        10**30,
        1.5,
        float("nan"),
        float("inf"),
        "",
        "use",
        "words",
        "step",
        "é",
        [],
        {},
        [[]],
    ]
) | st.recursive(
    st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["use", "task", "steps", "dim", "stages", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["use", "extends", "lock", "phases", "losses", "dim", "step", "summary", "", "a.b", "<<"]
)


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every container with one of its keys."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else []
    return [(data, key) for key in keys] + [pair for key in keys for pair in places(data[key])]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The whole recipe with some of its values renamed, replaced or taken away."""
    data = copy.deepcopy(WHOLE_DATA)
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(places(data) or [({"": 0}, "")]))
        how = draw(st.sampled_from(["rename", "replace", "delete", "double"]))
        value = container.pop(key)
        if how == "rename" and isinstance(container, dict):
            container[draw(NAMES)] = value
        elif how == "replace" and isinstance(container, dict):
            container[key] = copy.deepcopy(draw(ODD))  # later turns change what stands in the recipe
        elif how != "delete" and isinstance(container, list):
            container += [value, copy.deepcopy(draw(ODD))]
    return write(data).encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The text of the whole recipe with lines doubled or taken away, or with bytes put into it."""
    lines = WHOLE.encode().splitlines(keepends=True)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["double", "delete", "insert", "move"]))
        if how == "double":
            lines.insert(at, lines[at])
        elif how == "delete" and len(lines) > 1:
            del lines[at]
        elif how == "move":
            lines.append(lines.pop(at))
        else:
            column = draw(st.integers(0, len(lines[at])))
            pieces = st.sampled_from(
                [b"{", b"]", b": ", b"- ", b"&a ", b"*a", b"!x ", b"'", b'"\\x', b"\t", b"%", b"|"]
            )
            put = draw(pieces | st.binary(max_size=4))
            lines[at] = lines[at][:column] + put + lines[at][column:]
    return b"".join(lines)


def resolves_or_explains(kitchen: Kitchen, data: bytes, overrides: list[str]) -> None:
    path: Path = kitchen.folder / "recipe.yaml"
    path.write_bytes(data)
    problems: tuple[Problem, ...] = ()
    try:
        resolve(path, overrides=overrides, plugins=kitchen.plugins)
    except RecipeError as error:
        problems = error.problems or (Problem("", "no problem is named"),)
    for problem in problems:
        assert problem.code
        assert problem.place is not None
        assert "Traceback" not in str(problem)


FIXTURE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]


@settings(max_examples=examples(1100), suppress_health_check=FIXTURE)
@given(data=mutated())
def test_mutated_recipes(kitchen: Kitchen, data: bytes) -> None:
    resolves_or_explains(kitchen, data, [])


@settings(max_examples=examples(900), suppress_health_check=FIXTURE)
@given(data=damaged())
def test_damaged_recipes(kitchen: Kitchen, data: bytes) -> None:
    resolves_or_explains(kitchen, data, [])


@settings(max_examples=examples(200), suppress_health_check=FIXTURE)
@given(
    data=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_random_bytes(kitchen: Kitchen, data: bytes) -> None:
    resolves_or_explains(kitchen, data, [])


STEPS = st.sampled_from(["generator", "stages", "0", "7", "use", "phases", "data", "text", "lock", "x", ""])


@settings(max_examples=examples(200), suppress_health_check=FIXTURE)
@given(
    overrides=st.lists(
        st.builds(
            lambda steps, value: ".".join(steps) + value, st.lists(STEPS, max_size=4), st.text(max_size=6)
        )
        | st.builds(lambda steps, value: f"{'.'.join(steps)}={value}", st.lists(STEPS, max_size=4), ODD),
        max_size=3,
    )
)
def test_random_overrides(kitchen: Kitchen, overrides: list[str]) -> None:
    resolves_or_explains(kitchen, WHOLE.encode(), overrides)
