"""README and documentation say what is so: links lead somewhere, commands exist, recipes and plugins work."""

from __future__ import annotations

import importlib
import re
import runpy
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
import torch
from tiny_run import train_tiny

from attnforge.cli.group import group
from attnforge.evaluate.protocols import resolve_protocol
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that the block's first line says it is."""
        first = self.text.splitlines()[0] if self.text else ""
        return first.removeprefix("# ") if re.fullmatch(r"# [\w.-]+\.\w+", first) else None


@pytest.fixture(scope="module")
def blocks(pages: list[Path]) -> list[Block]:
    return [
        Block(page, found["language"], found["text"])
        for page in pages
        for found in FENCE.finditer(page.read_text())
    ]


def _outside_fences(text: str) -> str:
    return FENCE.sub("", text)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _outside_fences(page.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_links_lead_to_files_and_headings_that_exist(pages: list[Path], root: Path) -> None:
    dead = []
    for page in pages:
        for found in LINK.finditer(_outside_fences(page.read_text())):
            target, _, anchor = found["target"].partition("#")
            if target.startswith(("http://", "https://", "mailto:")):
                continue
            goal = (page.parent / target).resolve() if target else page
            if not goal.exists() or (anchor and goal.suffix == ".md" and anchor not in _anchors(goal)):
                dead.append(f"{page.relative_to(root)}: {found['target']}")
    assert dead == []


def test_every_page_can_be_reached_from_the_navigation(pages: list[Path], root: Path) -> None:
    navigation = (root / "mkdocs.yml").read_text()
    docs = root / "docs"
    missing = [
        str(page.relative_to(docs))
        for page in pages
        if docs in page.parents and f"- {page.relative_to(docs).as_posix()}\n" not in navigation
    ]
    assert missing == []


def test_the_generated_reference_is_what_the_code_says(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(root / "docs")
    generate = runpy.run_path(str(root / "docs" / "generate.py"))
    drifted = [
        name
        for name, text in generate["pages"]().items()
        if (generate["REFERENCE"] / name).read_text() != text
    ]
    assert drifted == [], "write them anew with: make docs"


def _commands(blocks: list[Block]) -> Iterator[tuple[Block, list[str]]]:
    """What is typed after `$ ` in console blocks."""
    for block in blocks:
        if block.language == "console":
            for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
                if line.startswith("$ "):
                    yield block, shlex.split(line.removeprefix("$ "), comments=True)


def test_commands_and_options_in_the_docs_exist(blocks: list[Block], root: Path) -> None:
    wrong = []
    for block, words in _commands(blocks):
        if words[0].split("/")[-1] == "attnforge":
            reason = _unknown_to_the_command_line(words[1:])
        elif words[0] == "make":
            makefile = (root / "Makefile").read_text()
            known = re.findall(r"^([\w-]+):", makefile, flags=re.MULTILINE)
            reason = ", ".join(word for word in words[1:] if "=" not in word and word not in known)
        else:
            continue
        if reason:
            wrong.append(f"{block.page.relative_to(root)}: {' '.join(words)}: {reason}")
    assert wrong == []


def _unknown_to_the_command_line(words: list[str]) -> str | None:
    command: click.Command = group
    context = click.Context(command, info_name="attnforge")
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        if found is None:
            return f"no command {rest[0]}"
        command, context = found, click.Context(found, info_name=rest.pop(0), parent=context)
    known = {name for parameter in command.get_params(context) for name in parameter.opts}
    options = [word.partition("=")[0] for word in rest if word.startswith("-")]
    return next((f"no option {option}" for option in options if option not in known), None)


def test_recipes_and_overrides_in_the_docs_are_valid(
    blocks: list[Block], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    extra = []
    for block in blocks:
        if block.language == "python" and block.file:
            (tmp_path / block.file).write_text(block.text)
            if "@hookimpl" in block.text:
                extra.append(Path(block.file).stem)
    importlib.invalidate_caches()
    extra += ["attnforge_imagenet.plugin", "attnforge_wordvectors.plugin"]
    plugins = load_plugins(extra=[(name, name) for name in extra])
    assert [plugin.reason for plugin in plugins.plugins if plugin.reason] == []
    recipes = [block for block in blocks if block.language == "yaml" and block.file]
    assert any(block.page == root / "README.md" for block in recipes)
    for block in recipes:
        assert block.file is not None
        (tmp_path / block.file).write_text(block.text)
    for block in recipes:
        if "\ndeviations:" in block.text:
            resolve_protocol(str(tmp_path / str(block.file)), plugins=plugins)
        else:
            resolve(tmp_path / str(block.file), plugins=plugins)
    monkeypatch.chdir(tmp_path)
    for recipe, overrides in _resolved_by(blocks):
        resolve(recipe, overrides=overrides, plugins=plugins)


def _resolved_by(blocks: list[Block]) -> Iterator[tuple[str, list[str]]]:
    """Recipes with their overrides as commands of the docs name them.

    Those of pages about plugins are of plugins that these pages write first; other tests follow them.
    """
    for block, words in _commands(blocks):
        if block.page.name in ("write-a-plugin.md", "write-a-family.md"):
            continue
        if words[0].split("/")[-1] == "attnforge" and words[1] in ("train", "show", "validate"):
            named = words[2 : next((at for at, word in enumerate(words) if word.startswith("-")), None)]
            if named:
                yield named[0], named[1:]


def _python_of_the_readme(blocks: list[Block], root: Path, *, in_file: bool) -> list[Block]:
    return [
        block
        for block in blocks
        if block.page == root / "README.md" and block.language == "python" and bool(block.file) == in_file
    ]


def test_the_readme_generates_images(
    blocks: list[Block], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_tiny(tmp_path / "runs" / "quickstart-0123abcd")
    monkeypatch.chdir(tmp_path)
    (block,) = _python_of_the_readme(blocks, root, in_file=False)
    exec(block.text, {})  # the code of this repository's own README
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [f"bird-{index}.png" for index in range(4)]


def test_the_readme_plugin_loads_and_works(
    blocks: list[Block], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = _python_of_the_readme(blocks, root, in_file=True)
    name = Path(str(block.file)).stem
    (tmp_path / f"{name}.py").write_text(block.text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    plugins = load_plugins(extra=[(name, name)])
    (component,) = plugins.plugins[-1].components
    loss = plugins.registry.load(component)(weight=0.5)
    stripes = torch.zeros(1, 3, 4, 4)
    stripes[..., ::2] = 1.0
    terms = loss.generator(SimpleNamespace(fake=SimpleNamespace(images=(stripes,))))
    assert terms["smoothness"].item() == pytest.approx(0.5)
    assert loss.discriminator(SimpleNamespace()) == {}
    resolve(
        "quickstart", overrides=["losses.smooth.use=smoothness", "losses.smooth.weight=0.2"], plugins=plugins
    )
