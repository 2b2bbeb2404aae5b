"""Everything that others build on, as lines of text: names, hooks, commands, recipe keys, codes, components.

    python tests/support/public_surface.py --write

writes tests/house/public-surface.txt after a change that is meant. docs/reference/versions.md says what is
promised of it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from public_names import described

from attnforge.cli.group import group
from attnforge.plugin import API_VERSION, KINDS, hookspec, load_plugins
from attnforge.recipe.options import MISSING, Option, options_of
from attnforge.recipe.schema import Recipe
from attnforge.recipe.shapes import EitherShape, ListShape, OptionalShape, SectionShape, TableShape
from attnforge.recipe.wording import default_in_words, inner_options, type_in_words

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "tests" / "house" / "public-surface.txt"

PROMISED = (
    "attnforge.api.comparing",
    "attnforge.api.components",
    "attnforge.api.evaluating",
    "attnforge.api.images",
    "attnforge.api.model",
    "attnforge.api.recipes",
    "attnforge.api.training",
    "attnforge.build",
    "attnforge.errors",
    "attnforge.interfaces",
    "attnforge.kernels.region_matching",
    "attnforge.kernels.word_attention",
    "attnforge.optional",
    "attnforge.plugin",
    "attnforge.ranges",
    "attnforge.recipe",
    "attnforge.sampling.pipeline",
    "attnforge.run.training",
    "attnforge.scheduled",
    "attnforge.slots",
    "attnforge.specs",
    "attnforge.testing",
    "attnforge.testing.strategies",
    "attnforge.values",
)
"""Modules whose names stay, or leave with a warning first."""
PROVISIONAL = (
    "attnforge.adversarial.averaging",
    "attnforge.adversarial.freezing",
    "attnforge.adversarial.frozen",
    "attnforge.adversarial.initialisation",
    "attnforge.adversarial.loss",
    "attnforge.adversarial.negatives",
    "attnforge.adversarial.normalisation",
    "attnforge.adversarial.precision",
    "attnforge.adversarial.pyramid",
    "attnforge.adversarial.same_side",
    "attnforge.adversarial.schedules",
    "attnforge.adversarial.stages",
    "attnforge.adversarial.task",
    "attnforge.build.builder",
    "attnforge.build.origin",
    "attnforge.build.parts",
    "attnforge.compute.collectives",
    "attnforge.compute.engine",
    "attnforge.compute.memory",
    "attnforge.compute.random_state",
    "attnforge.compute.update",
    "attnforge.data.captioned",
    "attnforge.data.checks.words",
    "attnforge.data.embeddings",
    "attnforge.data.feeding.collate",
    "attnforge.data.feeding.shared",
    "attnforge.data.images.stored",
    "attnforge.data.places",
    "attnforge.data.reading.fields",
    "attnforge.data.reading.files",
    "attnforge.data.reading.findings",
    "attnforge.data.reading.keypoints",
    "attnforge.data.reading.metadata",
    "attnforge.data.reading.official",
    "attnforge.data.reading.pickles",
    "attnforge.data.reading.preparing",
    "attnforge.data.reading.rows",
    "attnforge.data.reading.stored_metadata",
    "attnforge.data.reading.text_column",
    "attnforge.data.shards.reading",
    "attnforge.evaluate.least",
    "attnforge.kernels.dispatch",
    "attnforge.recipe.resolved",
    "attnforge.recipe.scalars",
    "attnforge.recipe.schema",
    "attnforge.recipe.seal",
    "attnforge.recipe.tree",
    "attnforge.recipe.weights",
    "attnforge.run.environment",
    "attnforge.sampling.encoders",
    "attnforge.sampling.matching",
    "attnforge.sampling.seeded_draws",
    "attnforge.seeds",
    "attnforge.storage.checkpoints.checkpoint",
    "attnforge.storage.checkpoints.saving",
    "attnforge.storage.folder",
    "attnforge.storage.misfits",
    "attnforge.storage.carried",
    "attnforge.storage.weight_files",
)
"""Modules that plugins may use and whose names may change between minor versions."""


def surface() -> str:
    """The whole surface."""
    sections = {
        "API version": [f"API_VERSION = {API_VERSION}"],
        "kinds": [f"kind {kind}" for kind in KINDS],
        "names that are promised": [line for name in PROMISED for line in described(name, ROOT)],
        "names that are provisional": [line for name in PROVISIONAL for line in described(name, ROOT)],
        "hooks": list(hooks()),
        "commands": list(commands()),
        "recipe keys": list(recipe_keys()),
        "components": list(components()),
        "error codes": list(codes()),
    }
    parts = [
        f"# {title}\n" + "".join(f"{line}\n" for line in sorted(lines, key=_by_name))
        for title, lines in sections.items()
    ]
    return "\n".join(parts)


def _by_name(line: str) -> str:
    """Lines are sorted by what they name, not by what it is: a class stands before its members."""
    return line.partition(" ")[2]


def hooks() -> Iterator[str]:
    """Every hook with its arguments."""
    for name, value in vars(hookspec).items():
        if name.startswith("attnforge_"):
            yield f"hook {name}({', '.join(inspect.signature(value).parameters)})"


def commands() -> Iterator[str]:
    """Every command of attnforge's own distribution, with its arguments and options."""
    others = [plugin for plugin in load_plugins().plugins if plugin.distribution != "attnforge"]
    foreign = {name for plugin in others for name in plugin.commands}
    for path, command, context in _below(group, click.Context(group, info_name="attnforge"), ""):
        if path not in foreign:
            yield from _command(f"attnforge {path}".rstrip(), command, context)


def recipe_keys() -> Iterator[str]:
    """Every key of a recipe, of its sections too, and those that belong to its file."""
    yield from ("recipe extends: text", "recipe lock: map", "recipe requires: list of text")
    for name, option in _keys(Recipe, ""):
        yield f"recipe {name}: {_typed(option)}"


def components() -> Iterator[str]:
    """Every component of attnforge's own distribution, with its options."""
    plugins = load_plugins()
    for part in plugins.registry:
        if plugins.owner(part).distribution == "attnforge":
            key = f"component {part.kind}/{part.name}"
            yield f"{key}@{part.version}"
            for name, option in inner_options(plugins.registry.load(part)):
                yield f"{key} {name}: {_typed(option)}"


def codes() -> Iterator[str]:
    """Every error code."""
    page = (ROOT / "docs" / "reference" / "errors.md").read_text()
    for code in re.findall(r"^## `([^`]+)`$", page, flags=re.MULTILINE):
        yield f"error {code}"


def _typed(option: Option) -> str:
    if option.default is MISSING:
        return f"{type_in_words(option.shape)}, needed"
    words = default_in_words(option)
    return f"{type_in_words(option.shape)} = {words}" if words else type_in_words(option.shape)


def _keys(section: type, above: str) -> Iterator[tuple[str, Option]]:
    for name, option in options_of(section).items():
        yield above + name, option
        shape, path = option.shape, above + name
        while isinstance(shape, TableShape | OptionalShape | ListShape | EitherShape):
            path += "" if isinstance(shape, OptionalShape | EitherShape) else ".*"
            shape = shape.item
        if isinstance(shape, SectionShape):
            yield from _keys(shape.target, f"{path}.")


def _below(
    command: click.Command, context: click.Context, path: str
) -> Iterator[tuple[str, click.Command, click.Context]]:
    yield path, command, context
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        child = command.get_command(context, name) if isinstance(command, click.Group) else None
        if child is not None:
            inner = click.Context(child, info_name=name, parent=context)
            yield from _below(child, inner, f"{path} {name}".lstrip())


def _command(path: str, command: click.Command, context: click.Context) -> Iterator[str]:
    arguments = [one for one in command.get_params(context) if isinstance(one, click.Argument)]
    yield " ".join(["command", path, *(one.make_metavar(context) for one in arguments)])
    for one in command.get_params(context):
        if isinstance(one, click.Option) and "--help" not in one.opts:
            value = "" if one.is_flag or one.count else f" {one.make_metavar(context)}"
            yield f"command {path} {' '.join([*one.opts, *one.secondary_opts])}{value}"


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python tests/support/public_surface.py --write")
    FILE.write_text(surface())
