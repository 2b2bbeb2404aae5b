"""From YAML text to nodes with places, refusing what cannot be a recipe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml
import yaml.reader

from attnforge.errors import Place, Problem
from attnforge.recipe.node import Entry, Items, Map, Node, Scalar
from attnforge.recipe.scalars import MAP, MAX_DEPTH, MAX_VALUES, SEQ, Loader, TooManyError, atom

MAX_BYTES = 1_000_000
_EXCERPT = 120
_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")


class _TooLargeError(Exception):
    """Aliases expand to more than a recipe may hold.

    Args:
        mark: Where the value is written that was one too many.
    """

    def __init__(self, mark: yaml.Mark) -> None:
        super().__init__()
        self.mark = mark


@dataclass(slots=True)
class Text:
    """A text to parse, and how its positions are shown.

    Args:
        source: What errors call it: a path, or `command line`.
        text: What is parsed.
        shown: What excerpts are taken from, when it is more than `text`.
        line: The number of the first line.
        shift: How many characters of the first shown line stand before `text`.
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
        return Place(self.source, self.line, 1 + self.shift, self.lines[0][:_EXCERPT])

    def place(self, mark: yaml.Mark | None, end: yaml.Mark | None = None) -> Place:
        """The place between two marks of PyYAML."""
        if mark is None:
            return Place(self.source)
        column = mark.column + 1 + (self.shift if mark.line == 0 else 0)
        excerpt = self.lines[mark.line] if mark.line < len(self.lines) else ""
        width = end.column - mark.column if end is not None and end.line == mark.line else 1
        place = Place(self.source, mark.line + self.line, column, excerpt, max(1, width))
        if len(excerpt) > _EXCERPT:
            room = _EXCERPT - column
            place = replace(place, excerpt=f"{excerpt[:_EXCERPT]} ..." if room > 0 else None)
        return replace(place, width=max(1, min(place.width, _EXCERPT - column)))


def read(path: Path, source: str, problems: list[Problem]) -> Node | None:
    """Parse a file; what is wrong with it is added to `problems`, None when nothing could be made of it."""
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
    return parse(Text(source, text), problems)


def parse(text: Text, problems: list[Problem], *, code: str = "bad-yaml") -> Node | None:
    """Parse a text; what is wrong with it is added to `problems`, None when nothing could be made of it."""

    def refuse(reason: str, place: Place, expected: str | None = None) -> None:
        problems.append(Problem(code, reason, place, expected))

    loader: Loader | None = None
    try:
        loader = Loader(text.text)
        root = loader.get_single_node()
        if (comment := _comment(text, root)) is not None:
            quoted = "quotes of YAML inside those of the shell, such as 'data.root=\"my images #2\"'"
            refuse("what stands from `#` on is a comment and would be lost", comment, quoted)
            return None
        if root is None:
            return Scalar(
                None, Place(text.source, text.line, 1 + text.shift, text.lines[0] if text.lines else "")
            )
        return _Reader(text, problems, code).node(root, 1)
    except TooManyError as error:
        refuse(str(error.problem), text.place(error.problem_mark))
    except yaml.MarkedYAMLError as error:
        begun = f"(begun in line {error.context_mark.line + text.line})" if error.context_mark else None
        said = " ".join(part for part in (error.context, begun, error.problem) if part)
        refuse(f"this is not YAML: {said}", text.place(error.problem_mark or error.context_mark))
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
        # What PyYAML itself stumbles over, such as an escape beyond the last character; it has read so far.
        mark = loader.get_mark() if loader is not None else None
        reason = str(error).splitlines()[0] if str(error) else "malformed"
        if "chr()" in reason:
            reason = "the escape names a character that does not exist"
        refuse(f"this is not YAML: {reason}", text.place(mark))
    finally:
        if loader is not None:
            loader.dispose()
    return None


def _comment(text: Text, root: yaml.Node | None) -> Place | None:
    """Where an override has a comment, which on a command line is a value that nobody quoted."""
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
        # An alias inside its own anchor never ends, so depth is checked again after composing.
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
            reason = "half of a surrogate pair is no text" if isinstance(error, UnicodeError) else str(error)
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
                message = "`<<` merges nothing here: what is shared by recipes stands in a parent"
                expected = "`extends:` with a recipe's name or path, or the keys written out"
                self.problems.append(Problem("merge-key", message, at, expected))
                continue
            below = self.node(value, depth + 1)
            if key.value in entries:
                first = entries[key.value].key
                message = f"`{key.value}` is written twice; first in line {first.line}"
                self.problems.append(Problem("duplicate-key", message, at, "each key once"))
                continue
            entries[key.value] = Entry(at, below)
        return Map(entries, place)
