"""The tested component with its options and spec, built as often as the checks need it."""

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
"""Options as in a recipe; or a function that takes an empty folder for files and returns the options."""


@dataclass(frozen=True, repr=False)
class Subject:
    """A component under test."""

    component: Component
    plugins: PluginCatalogue
    folder: Path
    """An empty folder for the checks of this component."""
    options_source: Options | None = None
    spec_source: Any = None
    """A spec, or a function that returns one; None for a small spec."""
    recipe_source: Options | None = None
    """Other sections of the recipe; see `conformance`."""

    @cached_property
    def options(self) -> Mapping[str, object]:
        """The options, as plain data."""
        return self._evaluate(self.options_source, "files")

    @cached_property
    def recipe(self) -> Mapping[str, object]:
        """Other sections of the recipe, as plain data."""
        return self._evaluate(self.recipe_source, "files of the recipe")

    def _evaluate(self, options: Options | None, name: str) -> Mapping[str, object]:
        if not callable(options):
            return options or {}
        files = self.folder / name
        files.mkdir(exist_ok=True)
        return options(files)

    @cached_property
    def target(self) -> type:
        """The component's class."""
        return self.plugins.registry.load(self.component)

    def __repr__(self) -> str:
        # pytest shows this above a failed check
        options = self.options_source if callable(self.options_source) else dict(self.options_source or {})
        return f"{self.name} with {options}" if options else self.name

    @property
    def name(self) -> str:
        """Kind and name, such as `attention/word`."""
        return f"{self.component.kind}/{self.component.name}"

    def spec(self) -> Any:
        """The spec that the component is built with; None for kinds without a spec."""
        if self.spec_source is not None:
            return self.spec_source() if callable(self.spec_source) else self.spec_source
        if self.component.kind == "stage":
            return self._stage_spec
        return spec_for(self.component.kind, self.folder)

    def build(self, *, seed: int = 1, spec: Any = None) -> Any:
        """The component, its weights initialized with this seed.

        Args:
            seed: Seed of torch's global generator, whose state is restored.
            spec: A spec to use instead of `spec()`.
        """
        spec = self.spec() if spec is None else spec
        arguments = () if spec is None else (spec,)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._builder(*arguments)

    @cached_property
    def _builder(self) -> Callable[..., Any]:
        # Without options the constructor is called directly.
        return decoded(self) if self.options else self.target

    @cached_property
    def _stage_spec(self) -> Any:
        """The spec of a later stage, or of a first stage if the component refuses to be a later one."""
        try:
            self._builder(spec_for("stage", self.folder))
        except AttnforgeError:
            return FIRST_STAGE
        return spec_for("stage", self.folder)


def decoded(subject: Subject) -> Callable[..., Any]:
    """The builder that a recipe with the subject's options passes to the component's parent.

    Raises:
        RecipeError: The component does not accept these options.
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
    kind, _, component_name = name.partition("/")
    if kind not in KINDS:
        close = nearest(kind, list(KINDS))
        expected = f"`{close}/...`" if close else f"KIND/NAME with one of {', '.join(KINDS)}"
        message = f"`{name}` does not begin with a kind of component"
        raise PluginError(Problem("unknown-kind", message, None, expected, "attnforge components"))
    try:
        return plugins.registry.get(kind, component_name)
    except PluginError as error:
        reasons = [
            f"{plugin.name} is disabled: {plugin.reason}" for plugin in plugins.plugins if plugin.reason
        ]
        for reason in reasons:
            error.add_note(reason)
        raise
