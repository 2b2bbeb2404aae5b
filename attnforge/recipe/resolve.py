"""Resolves a recipe by name or path, or reports all of its problems at once."""

from __future__ import annotations

from collections.abc import Iterable

from attnforge.errors import Problem, RecipeError
from attnforge.names import RULE, is_safe, safe_spelling
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.plugin.hooks import Failure
from attnforge.plugin.tracing import VARIABLE
from attnforge.recipe.captions import missing_captions
from attnforge.recipe.clashes import clashes
from attnforge.recipe.compose import gather
from attnforge.recipe.keeping import keep_best_problems
from attnforge.recipe.library import RecipeSource
from attnforge.recipe.lock import check_lock
from attnforge.recipe.node import Map, Scalar, find
from attnforge.recipe.override import Overrides
from attnforge.recipe.requires import unmet
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.tree import choices

BLOCKING = frozenset({"missing-requirement", "component-too-new", "no-migration", "migration-failed"})
"""Problems to fix before decoding makes sense: components or options of another version are unknown."""


def resolve(
    source: RecipeSource, *, overrides: Overrides = (), plugins: PluginCatalogue | None = None
) -> ResolvedRecipe:
    """Read a recipe, apply overrides, look up its components and decode every value.

    Args:
        source: A recipe's name, the path of its file, or its text.
        overrides: `KEY=VALUE` each, with a dotted key and a YAML value.
        plugins: Plugins that provide recipes and components; by default the installed ones.

    Raises:
        RecipeError: with every problem of the recipe.
    """
    plugins = plugins or load_plugins()
    problems: list[Problem] = []
    composed = gather(source, overrides, plugins, problems)
    if composed is None:
        raise RecipeError(problems)
    problems += unmet(composed.requires)
    if any(problem.code in BLOCKING for problem in problems):
        raise RecipeError(problems)

    # Interfaces import torch, which commands that only look must not, and errors above need not wait for.
    from attnforge.recipe.decode import Decoder
    from attnforge.recipe.schema import Recipe

    decoder = Decoder(plugins)
    tree = decoder.section(Recipe, composed.root, "")
    problems += decoder.problems
    problems += phase_problems(composed.root)
    if composed.lock is not None:
        problems += check_lock(composed.lock, choices(tree), plugins)
    if problems:
        raise RecipeError(problems)
    return checked(ResolvedRecipe(composed, tree, plugins))


def checked(resolved: ResolvedRecipe) -> ResolvedRecipe:
    """A recipe whose parts fit together, after checks that need all of them.

    Raises:
        RecipeError: with every problem of the recipe as a whole.
    """
    problems = keep_best_problems(resolved)
    if resolved.composed.lock is None:  # runs of earlier versions stay usable
        problems += clashes(resolved)
    problems += missing_captions(resolved)
    problems += _plugin_checks(resolved)
    if problems:
        raise RecipeError(problems)
    return resolved


def phase_problems(root: Map) -> list[Problem]:
    """Problems of the lengths and names of phases."""
    return [*_phase_lengths(root), *_phase_names(root)]


def _plugin_checks(resolved: ResolvedRecipe) -> list[Problem]:
    """Problems from checks of plugins; a check that raises is one if its plugin is used, else a warning."""
    problems: list[Problem] = []
    hooks = resolved.plugins.hooks
    caller = hooks.caller("attnforge_check_recipe")
    used = {resolved.plugins.owner(choice.component).name for choice in choices(resolved.tree)}
    for plugin, outcome in caller.outcomes(read=_problems, recipe=resolved) if caller is not None else ():
        if isinstance(outcome, Failure) and plugin not in used:
            hooks.report(outcome)
        elif isinstance(outcome, Failure):
            message = f"{outcome}, so the recipe could not be checked"
            next_step = f"attnforge --no-plugin {plugin} validate RECIPE, or {VARIABLE}=1 for the traceback"
            problems.append(Problem("plugin-check-failed", message, next_step=next_step))
        else:
            problems += outcome
    return problems


def _problems(result: Iterable[Problem]) -> list[Problem]:
    problems = list(result)
    for problem in problems:
        if not isinstance(problem, Problem):
            raise TypeError(f"it returned {problem!r}, which is not a Problem")
    return problems


def _phase_lengths(root: Map) -> list[Problem]:
    """Problems of phases without a length, or with two."""
    phases = find(root, "phases")
    problems = []
    for name, entry in phases.entries.items() if isinstance(phases, Map) else ():
        if not isinstance(entry.node, Map):
            continue
        lengths = [key for key in ("steps", "epochs") if _has_value(entry.node, key)]
        if len(lengths) != 1:
            what = "both `steps` and `epochs`" if lengths else "neither `steps` nor `epochs`"
            place = entry.node.entries[lengths[1]].key if lengths else entry.key
            problems.append(
                Problem("phase-length", f"phase `{name}` has {what}", place, "exactly one of them")
            )
    return problems


def _phase_names(root: Map) -> list[Problem]:
    """Problems of phase names, which become names of files on file systems that may ignore case."""
    phases = find(root, "phases")
    problems = []
    seen: dict[str, str] = {}
    for name, entry in phases.entries.items() if isinstance(phases, Map) else ():
        if isinstance(entry.node, Scalar) and entry.node.value is None:
            continue  # removed from a parent
        if not is_safe(name):
            close = safe_spelling(name)
            expected = f"`{close}`; a name of {RULE}" if close else f"a name of {RULE}"
            message = f"{name!r} cannot be the name of a phase"
            problems.append(Problem("unsafe-name", message, entry.key, expected))
        elif name.lower() in seen:
            message = f"phases `{seen[name.lower()]}` and `{name}` differ only in case"
            problems.append(Problem("unsafe-name", message, entry.key, "names that differ in letters"))
        seen.setdefault(name.lower(), name)
    return problems


def _has_value(phase: Map, key: str) -> bool:
    node = find(phase, key)
    return node is not None and getattr(node, "value", key) is not None
