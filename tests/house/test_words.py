"""Public names, messages and pages use the words of docs/contributing/words.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PAGE = Path("docs/contributing/words.md")
SURFACE = Path("tests/house/public-surface.txt")
EVERYWHERE, IN_MESSAGES, IN_NAMES = (
    "In names, messages and pages",
    "In names and messages",
    "In names",
)
CONTEXTS = "Words with a second meaning"
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
QUOTES = re.compile(r"[`\"]|(?<!\w)'|'(?!\w)")
CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Vocabulary:
    """The words to avoid, each with those to use instead, and the contexts in which they are right."""

    avoided: dict[str, str]
    contexts: tuple[str, ...] = ()
    patterns: dict[str, re.Pattern[str]] = field(init=False)
    any_of_them: re.Pattern[str] = field(init=False)
    hidden: tuple[re.Pattern[str], ...] = field(init=False)

    def __post_init__(self) -> None:
        patterns = {word: re.compile(rf"(?<![\w]){_spaced(word)}(?![\w])", re.I) for word in self.avoided}
        object.__setattr__(self, "patterns", patterns)
        together = "|".join(map(_spaced, self.avoided))
        object.__setattr__(self, "any_of_them", re.compile(rf"(?<!\w)(?:{together})(?!\w)", re.I))
        joined = (r"\S+".join(_spaced(part) for part in one.split("*")) for one in self.contexts)
        hidden = tuple(re.compile(rf"(?<!\w){pattern}(?!\w)", re.I) for pattern in joined)
        object.__setattr__(self, "hidden", hidden)

    def offences(self, text: str) -> Iterator[tuple[int, str]]:
        """The line within a text, and what is wrong there."""
        text = QUOTES.sub("", text)
        if not self.any_of_them.search(text):
            return  # as of most texts, and a hundred patterns take a while
        for pattern in self.hidden:
            text = pattern.sub(_hidden, text)
        for word, pattern in self.patterns.items():
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start())
                yield line, f"`{word}`: use {self.avoided[word]}"

    def offences_in_names(self, names: str) -> Iterator[tuple[int, str]]:
        """The same where words are joined by underscores, dots and capitals."""
        for context in self.contexts:
            names = re.sub(re.escape(context), _hidden, QUOTES.sub("", names), flags=re.I)
        yield from self.offences(re.sub(r"[_.\-]", " ", CAMEL.sub(" ", names)))


@dataclass(frozen=True)
class Words:
    """The page: what holds everywhere, what holds for messages too, and what no name may be as a whole."""

    everywhere: Vocabulary
    messages: Vocabulary
    whole_names: Vocabulary


def _spaced(phrase: str) -> str:
    """A phrase as a pattern: any white space, also a line break in Markdown, separates its words."""
    return r"\s+".join(re.escape(word) for word in re.split(r"\s+", phrase))


def _hidden(match: re.Match[str]) -> str:
    return re.sub(r"\S", "\0", match[0])


def _sections(page: str) -> dict[str, str]:
    _, *rest = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return dict(zip(rest[::2], rest[1::2], strict=True))


def _rows(section: str) -> list[list[str]]:
    """The cells of a table, without its header."""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines[2:]]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in cells]


def _avoided(section: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for use, _, avoid in _rows(section):
        for word in CODE.findall(avoid):
            words[word] = f"{words[word]}; or {use}" if word in words else use
    return words


@pytest.fixture(scope="module")
def words(root: Path) -> Words:
    sections = _sections((root / PAGE).read_text())
    contexts = tuple(text for row in _rows(sections[CONTEXTS]) for text in CODE.findall(row[2]))
    everywhere = _avoided(sections[EVERYWHERE])
    return Words(
        everywhere=Vocabulary(everywhere, contexts),
        messages=Vocabulary({**everywhere, **_avoided(sections[IN_MESSAGES])}, contexts),
        whole_names=Vocabulary(_avoided(sections[IN_NAMES])),
    )


def _shown(path: Path, offences: Iterable[tuple[int, str]], *, line: int = 1) -> list[str]:
    return [f"{path}:{line + below}: {text}" for below, text in offences]


def _report(offences: Sequence[str]) -> None:
    """Fail with every offence, one a line."""
    listed = sorted(set(offences), key=lambda text: (text.split(":")[0], int(text.split(":")[1]), text))
    if listed:
        pytest.fail("\n".join([f"{len(listed)} offences against {PAGE}:", *listed]), pytrace=False)


def test_public_names_use_the_words(words: Words, root: Path) -> None:
    offences = []
    for line, text in enumerate((root / SURFACE).read_text().splitlines(), 1):
        offences += _shown(SURFACE, words.messages.offences_in_names(text), line=line)
        if text.startswith(("class ", "def ", "name ")):
            for name in re.findall(r"\w+", text):
                if name in words.whole_names.avoided:
                    offences.append(f"{SURFACE}:{line}: `{name}`: use {words.whole_names.avoided[name]}")
    _report(offences)


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every literal of more than one word that is no docstring, with its line; `{}` stands for a value."""
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    skipped |= {id(part) for node in joined for part in node.values}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            text = "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if " " in text.strip():
            yield node.lineno, text


def test_messages_use_the_words(words: Words, sources: dict[Path, ast.Module], root: Path) -> None:
    offences = []
    for path, tree in sources.items():
        for line, text in _texts(tree):
            # the line where the literal begins: one that is written in several parts has no line breaks
            at_begin = ((0, offence) for _, offence in words.messages.offences(text))
            offences += _shown(path.relative_to(root), at_begin, line=line)
    _report(offences)


def test_pages_use_the_words(words: Words, files: list[Path], root: Path) -> None:
    offences = []
    for path in files:
        if path.suffix == ".md":
            text = path.read_text()
            if path == root / PAGE:  # its tables name what to avoid
                text = re.sub(r"^\|.*$", "|", text, flags=re.MULTILINE)
            offences += _shown(path.relative_to(root), words.everywhere.offences(text))
    _report(offences)


def test_templates_of_plugins_use_the_words(words: Words, files: list[Path], root: Path) -> None:
    offences = []
    for path in files:
        if root / "attnforge/scaffold/templates" in path.parents:
            offences += _shown(path.relative_to(root), words.everywhere.offences(path.read_text()))
    _report(offences)


def test_recipes_use_the_words(words: Words, files: list[Path], root: Path) -> None:
    offences = []
    for path in files:
        if path.suffix == ".yaml" and "recipes" in path.relative_to(root).parts:
            offences += _shown(path.relative_to(root), words.everywhere.offences(path.read_text()))
    _report(offences)


def test_every_context_of_the_page_holds_an_avoided_word(words: Words) -> None:
    alone = Vocabulary(words.everywhere.avoided)
    assert words.everywhere.contexts
    assert [text for text in words.everywhere.contexts if not list(alone.offences_in_names(text))] == []


@pytest.mark.parametrize(
    "text",
    ["Pictures of birds", "the figures\nare in the table", "resume, or go\non", "`judge`", "It is no\nlist."],
)
def test_an_avoided_word_is_reported(text: str, words: Words) -> None:
    assert list(words.everywhere.offences(text))


@pytest.mark.parametrize(
    "text",
    ["Figure 3 of the paper", "gameplay and prejudge", "a round trip", "tells birds apart; there is no\nrun"],
)
def test_a_word_in_its_second_meaning_or_within_another_is_not(text: str, words: Words) -> None:
    assert not list(words.everywhere.offences(text))


@pytest.mark.parametrize("name", ["DriftJudge", "known_judges", "name a.figures: int", "set_aside"])
def test_an_avoided_word_within_a_name_is_reported(name: str, words: Words) -> None:
    assert list(words.everywhere.offences_in_names(name))
