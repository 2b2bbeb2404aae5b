"""YAML 1.2's core schema for PyYAML, which implements YAML 1.1.

In YAML 1.1 `2e-4` is a string, `off` is false, `010` is eight and `1:30` is ninety; here they are a number, a
string, ten and a string. See https://yaml.org/spec/1.2.2/#103-core-schema.
"""

from __future__ import annotations

import re

import yaml

from attnforge.recipe.node import Atom

_PREFIX = "tag:yaml.org,2002:"
NULL, BOOL, INT, FLOAT, STR = (_PREFIX + name for name in ("null", "bool", "int", "float", "str"))
SEQ, MAP = _PREFIX + "seq", _PREFIX + "map"

_PATTERNS = {
    NULL: (re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    BOOL: (re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    INT: (re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")),
    FLOAT: (
        re.compile(
            r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        list("-+.0123456789"),
    ),
}

MAX_DEPTH = 40
MAX_VALUES = 20_000
MAX_DIGITS = 300
"""Integers with more digits are refused; Python cannot convert those with thousands of digits to text."""


class TooDeepError(yaml.MarkedYAMLError):
    """Nesting beyond `MAX_DEPTH`."""


class TooManyError(yaml.MarkedYAMLError):
    """More than `MAX_VALUES` values."""


class Loader(yaml.SafeLoader):
    """Composes nodes with YAML 1.2 tags; it never constructs objects."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  (PyYAML's own attribute)
    depth = 0
    count = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        self.depth += 1
        is_key = isinstance(parent, yaml.MappingNode) and index is None
        self.count += not is_key
        if self.depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise TooDeepError(None, None, f"nested more than {MAX_DEPTH} levels deep", mark)
        if self.count > MAX_VALUES:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise TooManyError(None, None, f"more than {MAX_VALUES:,} values", mark)
        try:
            return super().compose_node(parent, index)  # type: ignore[arg-type]
        finally:
            self.depth -= 1


_FOLDED = re.compile("[\x85\u2028\u2029]")
"""Line breaks of Unicode."""


class Dumper(yaml.SafeDumper):
    """Writes values so that `Loader` reads the same values back."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  (PyYAML's own attribute)

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # In single quotes PyYAML folds these breaks and would read a space.
        style = '"' if _FOLDED.search(data) else None
        return self.represent_scalar(STR, data, style=style)


Dumper.add_representer(str, Dumper.represent_str)
for _tag, (_pattern, _first) in _PATTERNS.items():
    Loader.add_implicit_resolver(_tag, _pattern, _first)
    Dumper.add_implicit_resolver(_tag, _pattern, _first)


def atom(tag: str, text: str) -> Atom:
    """A scalar's value.

    Raises:
        ValueError: the tag is not in the core schema, or the text does not match it.
    """
    if tag == STR:
        return text
    if tag not in _PATTERNS:
        raise ValueError(f"tag {tag.removeprefix(_PREFIX)} is not allowed in a recipe")
    if not _PATTERNS[tag][0].match(text):
        raise ValueError(f"not a {tag.removeprefix(_PREFIX)}")
    if tag == NULL:
        return None
    if tag == BOOL:
        return text.lower() == "true"
    if tag == INT:
        if len(text) > MAX_DIGITS:
            raise ValueError(f"a number of {len(text):,} digits; at most {MAX_DIGITS} are allowed")
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def write(data: object) -> str:
    """Plain data as YAML, the innermost lists and maps on one line each."""
    return yaml.dump(
        data, Dumper=Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100
    )


def write_line(data: object) -> str:
    """Plain data as YAML on one line, such as the value of an override."""
    text = yaml.dump(
        [data], Dumper=Dumper, sort_keys=False, default_flow_style=True, allow_unicode=True, width=10**9
    )
    return text.strip()[1:-1]
