"""Parses YAML text into nodes with places, and refuses what cannot be a recipe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import yaml
import yaml.reader

from attnforge.errors import Place, Problem
from attnforge.recipe.node import Entry, Items, Map, Node, Scalar
from attnforge.recipe.scalars import MAP, MAX_DEPTH, MAX_VALUES, SEQ, Loader, TooManyError, atom

MAX_BYTES = 1_000_000
_EXCERPT_WIDTH = 120
_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")


class _TooLargeError(Exception):
    """Aliases expand to more values than a recipe may contain.

    Args:
        mark: Where the first value beyond the limit is written.
    """

    def __init__(self, mark: yaml.Mark) -> None:
        super().__init__()
        self.mark = mark


@dataclass(slots=True)
class Text:
    """A text to parse, and how to show positions in it.

    Args:
        source: Its name in errors: a path, or `command line`.
        text: The text to parse.
        shown: The text that excerpts are taken from, where it is more than `text`.
        line: The number of the first line.
        shift: The number of characters before `text` in the first shown line.
    """

    source: str
    text: str
    shown: str | None = None
    line: int = 1
    shift: int = 0
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = _BREAK.split((self.text if self.shown is None else self.shown).replace("\t", " "))

    def start(self) -> Place:
        """The place of the first character."""
        return Place(self.source, self.line, 1 + self.shift, self.lines[0][:_EXCERPT_WIDTH])

    def place(self, mark: yaml.Mark | None, end: yaml.Mark | None = None) -> Place:
        """The place between two marks of PyYAML."""
        if mark is None:
            return Place(self.source)
        column = mark.column + 1 + (self.shift if mark.line == 0 else 0)
        excerpt = self.lines[mark.line] if mark.line < len(self.lines) else ""
        width = end.column - mark.column if end is not None and end.line == mark.line else 1
        place = Place(self.source, mark.line + self.line, column, excerpt, max(1, width))
        if len(excerpt) > _EXCERPT_WIDTH:
            room = _EXCERPT_WIDTH - column
            place = replace(place, excerpt=f"{excerpt[:_EXCERPT_WIDTH]} ..." if room > 0 else None)
        return replace(place, width=max(1, min(place.width, _EXCERPT_WIDTH - column)))


def read(path: Path, source: str, problems: list[Problem]) -> Node | None:
    """Parse a file; errors are added to `problems`; None when it cannot be parsed at all."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        problems.append(Problem("unreadable-recipe", f"{source} cannot be read: {reason}", Place(source)))
        return None
    if len(data) > MAX_BYTES:
        problems.append(Problem("bad-yaml", f"{source} is larger than {MAX_BYTES:,} bytes", Place(source)))
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problems.append(Problem("bad-yaml", f"{source} is not UTF-8 text", Place(source, line)))
        return None
    node, found = _parsed(source, text)
    problems += found
    return node


@lru_cache(maxsize=32)
def _parsed(source: str, text: str) -> tuple[Node | None, tuple[Problem, ...]]:
    """What `parse` makes of a file's text and its problems, kept for the parents that many recipes share."""
    problems: list[Problem] = []
    return parse(Text(source, text), problems), tuple(problems)


def parse(text: Text, problems: list[Problem], *, code: str = "bad-yaml") -> Node | None:
    """Parse a text; errors are added to `problems`; None when it cannot be parsed at all."""

    def refuse(reason: str, place: Place, expected: str | None = None) -> None:
        problems.append(Problem(code, reason, place, expected))

    loader: Loader | None = None
    try:
        loader = Loader(text.text)
        root = loader.get_single_node()
        if (comment := _comment(text, root)) is not None:
            quoted = "YAML quotes inside shell quotes, such as 'data.root=\"my images #2\"'"
            refuse("everything after `#` is a comment and would be ignored", comment, quoted)
            return None
        if root is None:
            return Scalar(
                None, Place(text.source, text.line, 1 + text.shift, text.lines[0] if text.lines else "")
            )
        return _Reader(text, problems, code).node(root, 1)
    except TooManyError as error:
        refuse(str(error.problem), text.place(error.problem_mark))
    except yaml.MarkedYAMLError as error:
        start = f"(started in line {error.context_mark.line + text.line})" if error.context_mark else None
        reason = " ".join(part for part in (error.context, start, error.problem) if part)
        refuse(f"invalid YAML: {reason}", text.place(error.problem_mark or error.context_mark))
    except yaml.reader.ReaderError as error:
        before = text.text[: error.position].splitlines() or [""]
        character = (
            f"character U+{error.character:04X}" if isinstance(error.character, int) else "a character"
        )
        place = Place(text.source, len(before) - 1 + text.line)
        refuse(f"{character} is not allowed in a recipe", place)
    except _TooLargeError as error:
        refuse(f"aliases expand to more than {MAX_VALUES:,} values", text.place(error.mark))
    except (yaml.YAMLError, ValueError, OverflowError, IndexError) as error:
        # Errors inside PyYAML, such as an escape beyond the last character; its mark shows how far it read.
        mark = loader.get_mark() if loader is not None else None
        reason = str(error).splitlines()[0] if str(error) else "malformed"
        if "chr()" in reason:
            reason = "the escape names a character that does not exist"
        refuse(f"invalid YAML: {reason}", text.place(mark))
    finally:
        if loader is not None:
            loader.dispose()
    return None


def _comment(text: Text, root: yaml.Node | None) -> Place | None:
    """Where an override contains a comment, which on a command line is an unquoted value."""
    if text.shown is None:
        return None
    end = root.end_mark.index if root is not None else 0
    rest = text.text[end:]
    if not rest.lstrip().startswith("#"):
        return None
    column = text.shift + end + len(rest) - len(rest.lstrip()) + 1
    return replace(text.start(), column=column, width=max(1, len(rest.strip())))


@dataclass(slots=True)
class _Reader:
    text: Text
    problems: list[Problem]
    code: str
    count: int = 0

    def node(self, node: yaml.Node, depth: int) -> Node:
        self.count += 1
        # An alias inside its own anchor recurses for ever, so depth is checked again after composing.
        if self.count > MAX_VALUES or depth > MAX_DEPTH:
            raise _TooLargeError(node.start_mark)
        place = self.text.place(node.start_mark, node.end_mark)
        if isinstance(node, yaml.MappingNode):
            self._plain_tag(node, MAP, place)
            return self._map(node, place, depth)
        if isinstance(node, yaml.SequenceNode):
            self._plain_tag(node, SEQ, place)
            return Items(tuple(self.node(item, depth + 1) for item in node.value), place)
        try:
            value = atom(node.tag, node.value)
            if isinstance(value, str):
                value.encode()
        except ValueError as error:
            reason = "unpaired surrogates are not allowed" if isinstance(error, UnicodeError) else str(error)
            self.problems.append(Problem(self.code, f"this value cannot be read: {reason}", place))
            return Scalar(None, place)
        return Scalar(value, place)

    def _plain_tag(self, node: yaml.Node, tag: str, place: Place) -> None:
        if node.tag != tag:
            name = node.tag.removeprefix("tag:yaml.org,2002:")
            self.problems.append(Problem(self.code, f"tag {name} is not allowed in a recipe", place))

    def _map(self, node: yaml.MappingNode, place: Place, depth: int) -> Map:
        entries: dict[str, Entry] = {}
        for key, value in node.value:
            at = self.text.place(key.start_mark, key.end_mark)
            if not isinstance(key, yaml.ScalarNode) or not key.value.isprintable():
                self.problems.append(Problem(self.code, "a key must be a plain word", at))
                continue
            if key.value == "<<":
                message = "merge keys (`<<`) are not supported; share settings through a parent recipe"
                expected = "`extends:` with a recipe's name or path, or the keys written out"
                self.problems.append(Problem("merge-key", message, at, expected))
                continue
            below = self.node(value, depth + 1)
            if key.value in entries:
                first = entries[key.value].key
                message = f"duplicate key `{key.value}`; first in line {first.line}"
                self.problems.append(Problem("duplicate-key", message, at, "each key once"))
                continue
            entries[key.value] = Entry(at, below)
        return Map(entries, place)
