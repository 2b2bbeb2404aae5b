"""Scalars follow YAML 1.2, and what is written is read back the same."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attnforge.errors import Problem
from attnforge.recipe.node import plain
from attnforge.recipe.scalars import write
from attnforge.recipe.source import Text, parse, read


def value_of(text: str) -> object:
    problems: list[Problem] = []
    node = parse(Text("text", text), problems)
    assert problems == []
    assert node is not None
    return plain(node)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-4", 2e-4),
        ("1E+3", 1000.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("010", 10),
        ("-7", -7),
        ("0x1F", 31),
        ("0o17", 15),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ("!!str 12", "12"),
        ("<<", "<<"),
        ("=", "="),
        ("-.INF", -math.inf),
        ("[off, 2e-4]", ["off", 2e-4]),
        ("{on: 1}", {"on": 1}),
        ("{1: 2}", {"1": 2}),
    ],
)
def test_yaml_1_2(text: str, value: object) -> None:
    read_back = value_of(text)
    assert read_back == value
    assert type(read_back) is type(value)


def test_not_a_number() -> None:
    assert math.isnan(value_of(".nan"))  # type: ignore[arg-type]


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.sampled_from(["off", "010", "2e-4", "1:30", "null", "~", "0x1", "- a", "a: b", "#", "<<", "é", "\n"])
)
KEYS = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1)


@example("\x85")
@example({"a": "one\u2028two\u2029three"})
@given(
    st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
)
def test_what_is_written_is_read_back(data: object) -> None:
    assert value_of(write(data)) == data


def refused(text: str) -> str:
    problems: list[Problem] = []
    parse(Text("text", text), problems)
    assert problems
    assert {problem.code for problem in problems} <= {"bad-yaml", "duplicate-key"}
    return problems[0].message


def test_aliases_that_expand_without_end_are_refused() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "aliases expand" in refused("\n".join(lines))
    assert "aliases expand" in refused("&a [*a]")


def test_an_ordinary_alias_is_its_anchor() -> None:
    assert value_of("a: &x {b: 1}\nc: *x") == {"a": {"b": 1}, "c": {"b": 1}}


def test_deep_nesting_is_refused() -> None:
    assert "nested" in refused("[" * 10_000)
    assert "nested" in refused("\n".join(" " * n + "a:" for n in range(200)))
    assert value_of("[" * 38 + "]" * 38)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n---\nb: 2",
        "\tx: 1",
        "a: &",
        "*nobody",
        "'open",
        '"\\U99999999"',
        "? [a]\n: 1",
        "\x07",
        "9" * 5000,
    ],
)
def test_what_is_no_yaml_is_refused(text: str) -> None:
    refused(text)


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    problems: list[Problem] = []
    assert read(path, "recipe.yaml", problems) is None
    assert str(problems[0].place) == "recipe.yaml:2"


def test_a_byte_order_mark_is_no_part_of_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    node = read(path, "recipe.yaml", [])
    assert node is not None
    assert plain(node) == {"a": 1}


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("a: " + "x" * 2_000_000)
    problems: list[Problem] = []
    assert read(path, "recipe.yaml", problems) is None
    assert "larger" in problems[0].message
