"""What is examined: a component with its options and spec, built as often as checks need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from attnforge.build.assemble import live
from attnforge.errors import AttnforgeError, PluginError, Problem, RecipeError, nearest
from attnforge.plugin import KINDS, Component, PluginCatalogue
from attnforge.recipe.decode import Decoder
from attnforge.recipe.scalars import write
from attnforge.recipe.shapes import SlotShape
from attnforge.recipe.source import Text, parse
from attnforge.testing.examples import spec_for, with_examples
from attnforge.testing.examples.specs import FIRST_STAGE

Options = Mapping[str, object] | Callable[[Path], Mapping[str, object]]
"""Options as a recipe says them; or a function that is given an empty folder, fills it, and gives them."""


@dataclass(frozen=True, repr=False)
class Subject:
    """A component under examination."""

    component: Component
    plugins: PluginCatalogue
    folder: Path
    """An empty folder of its own."""
    given: Options | None = None
    given_spec: Any = None
    """A spec, or a function that makes one; a small one of attnforge's when not given."""
    given_recipe: Options | None = None
    """What else the recipe says in which it is resolved; see `conformance`."""

    @cached_property
    def options(self) -> Mapping[str, object]:
        """The options, as plain data."""
        return self._said(self.given, "files")

    @cached_property
    def recipe(self) -> Mapping[str, object]:
        """Sections of the recipe that it is resolved in, as plain data."""
        return self._said(self.given_recipe, "files of the recipe")

    def _said(self, given: Options | None, name: str) -> Mapping[str, object]:
        if not callable(given):
            return given or {}
        files = self.folder / name
        files.mkdir(exist_ok=True)
        return given(files)

    @cached_property
    def target(self) -> type:
        """The component's class."""
        return self.plugins.registry.load(self.component)

    def __repr__(self) -> str:
        # what pytest shows above a broken promise
        options = self.given if callable(self.given) else dict(self.given or {})
        return f"{self.name} with {options}" if options else self.name

    @property
    def name(self) -> str:
        """Kind and name, such as `attention/word`."""
        return f"{self.component.kind}/{self.component.name}"

    def spec(self) -> Any:
        """What the component is told; None for kinds that are told nothing."""
        if self.given_spec is not None:
            return self.given_spec() if callable(self.given_spec) else self.given_spec
        if self.component.kind == "stage":
            return self._stage_spec
        return spec_for(self.component.kind, self.folder)

    def build(self, *, seed: int = 1, spec: Any = None) -> Any:
        """The component, its weights drawn with this seed.

        Args:
            seed: Of torch's generator, which keeps its state.
            spec: What it is told instead of `spec()`.
        """
        told = self.spec() if spec is None else spec
        arguments = () if told is None else (told,)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._builder(*arguments)

    @cached_property
    def _builder(self) -> Callable[..., Any]:
        # Without options nothing stands between the constructor and the check.
        return decoded(self) if self.options else self.target

    @cached_property
    def _stage_spec(self) -> Any:
        """Of a later stage; of a first one when the component says that it can be no other."""
        try:
            self._builder(spec_for("stage", self.folder))
        except AttnforgeError:
            return FIRST_STAGE
        return spec_for("stage", self.folder)


def decoded(subject: Subject) -> Callable[..., Any]:
    """The builder that a recipe with the subject's options would give its parent.

    Raises:
        RecipeError: The component does not take these options.
    """
    plugins = with_examples(subject.plugins)
    text = write({"use": subject.component.name, **subject.options})
    problems: list[Problem] = []
    node = parse(Text(f"options of {subject.name}", text), problems)
    decoder = Decoder(plugins)
    choice = None if node is None else decoder.decode(SlotShape(subject.component.kind), node, subject.name)
    problems += decoder.problems
    if problems or choice is None:
        raise RecipeError(problems)
    builder: Callable[..., Any] = live(choice)
    return builder


def find(name: str, plugins: PluginCatalogue) -> Component:
    """The component called `kind/name`.

    Raises:
        PluginError: There is none, or its plugin is disabled.
    """
    kind, _, own = name.partition("/")
    if kind not in KINDS:
        close = nearest(kind, list(KINDS))
        expected = f"`{close}/...`" if close else f"KIND/NAME with one of {', '.join(KINDS)}"
        message = f"`{name}` does not begin with a kind of component"
        raise PluginError(Problem("unknown-kind", message, None, expected, "attnforge components"))
    try:
        return plugins.registry.get(kind, own)
    except PluginError as error:
        reasons = [
            f"{plugin.name} is disabled: {plugin.reason}" for plugin in plugins.plugins if plugin.reason
        ]
        for reason in reasons:
            error.add_note(reason)
        raise
