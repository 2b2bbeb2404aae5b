"""Explains error codes, from attnforge's reference and the `errors.md` that a plugin may contain."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import attnforge
from attnforge.explain.topic import Explanation
from attnforge.plugin import Plugin, PluginCatalogue

_SECTION = re.compile(r"^## `(?P<code>[^`]+)`\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def codes(plugins: PluginCatalogue) -> dict[str, Explanation]:
    """Every error code that has a section; for a code with several, attnforge's own comes first."""
    pages = [("attnforge", reference())]
    pages += [(str(plugin), page) for plugin in plugins.plugins if (page := _page_of(plugin)) is not None]
    explanations: dict[str, Explanation] = {}
    for provider, page in pages:
        for code, text in _sections(page):
            facts = {"topic": "error", "name": code, "provider": provider, "text": text}
            explanations.setdefault(code, Explanation(f"error `{code}` of {provider}", text, facts))
    return explanations


def reference() -> Path:
    """The page of attnforge's error codes."""
    return packaged("errors.md")


def packaged(name: str) -> Path:
    """A page of the reference, in an installed package or in a checkout."""
    package = Path(attnforge.__file__).parent
    inside = package / "_docs" / name
    return inside if inside.is_file() else package.parent / "docs" / "reference" / name


def _page_of(plugin: Plugin) -> Path | None:
    """The `errors.md` beside a plugin's module, if the plugin is loaded and has one."""
    file = getattr(sys.modules.get(plugin.module), "__file__", None)
    page = Path(file).parent / "errors.md" if file and plugin.reason is None else None
    return page if page is not None and page.is_file() else None


def _sections(page: Path) -> list[tuple[str, str]]:
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []  # a damaged page of one plugin must not hide the others
    return [(match["code"], match["text"].strip()) for match in _SECTION.finditer(text)]
