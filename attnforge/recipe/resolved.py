"""A recipe that has been validated, before any part of it is built."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from attnforge.errors import Place
from attnforge.plugin import Component, PluginCatalogue
from attnforge.plugin.checked_recipe import ComponentUse
from attnforge.recipe.compose import ComposedRecipe
from attnforge.recipe.lock import lock_of
from attnforge.recipe.node import Scalar, find, plain
from attnforge.recipe.requires import with_providers
from attnforge.recipe.scalars import write
from attnforge.recipe.skipped import SkippedPart
from attnforge.recipe.tree import Section, choices, frozen


@dataclass(frozen=True, slots=True)
class ResolvedRecipe:
    """The result of `resolve`; `attnforge.build.assemble` turns it into objects."""

    composed: ComposedRecipe
    tree: Section
    plugins: PluginCatalogue
    skipped: tuple[SkippedPart, ...] = ()
    """Parts that `resolve_needed` skipped."""

    @property
    def name(self) -> str:
        """The name of the recipe: its file's, or the original recipe's when frozen."""
        return self.composed.name

    @property
    def digest(self) -> str:
        """A sha256 of everything that the recipe determines, including defaults and component versions.

        The order of keys counts only where it has an effect, as for phases. Where parts were skipped, it is
        that of the lock.
        """
        locked = find(self.composed.lock, "digest") if self.composed.lock is not None else None
        if self.skipped and isinstance(locked, Scalar):
            return str(locked.value)
        versions = {choice.component: choice.component.version for choice in choices(self.tree)}
        pinned = sorted((part.kind, part.name, version) for part, version in versions.items())
        data = json.dumps([frozen(self.tree), pinned], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(data.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"<recipe {self.name}, digest {self.digest[:8]}>"

    def plain(self) -> dict[str, object]:
        """The merged recipe as written, without defaults."""
        return self.composed.plain()

    def data(self) -> dict[str, Any]:
        """The recipe with every default filled in, as plain data."""
        data: dict[str, Any] = frozen(self.tree)
        return data

    def frozen(self) -> str:
        """The recipe as YAML, every default filled in, every component pinned, with `requires` and `lock`.

        `resolve` accepts it again, also after a component's version increases and its plugin migrates it.
        """
        used = choices(self.tree)
        lock = lock_of(self.name, used, self.plugins, digest=self.digest)
        providers = [self.plugins.owner(choice.component) for choice in used]
        requires = with_providers(self.composed.requires, providers)
        head = {"requires": requires} if requires else {}
        return write({**head, **frozen(self.tree, pinned=True), "lock": lock})

    def get(self, path: str) -> object:
        """The written value at a dotted path such as `data.use`, or None; ignores defaults."""
        node = find(self.composed.root, path)
        return None if node is None else plain(node)

    def component(self, path: str) -> Component | None:
        """The component of the slot at a dotted path such as `generator.stages.1.attention`, or None.

        Includes defaults, and every way to write a component.
        """
        return next((choice.component for choice in choices(self.tree) if choice.path == path), None)

    def components(self) -> Iterator[ComponentUse]:
        """Every component that the recipe uses, those inside others after them."""
        for choice in choices(self.tree):
            options = {name: frozen(option) for name, option in choice.options.items()}
            yield ComponentUse(choice.path, choice.component, options)

    def place(self, path: str) -> Place:
        """Where the value at a dotted path is written; for a default, the place of the nearest map."""
        node = find(self.composed.root, path)
        while node is None:
            path = path.rpartition(".")[0]
            node = find(self.composed.root, path)
        return node.place
