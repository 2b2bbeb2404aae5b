"""Hook specifications are documents, and plugins hear what they ask for."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
from small_recipes import WHOLE, Kitchen

from attnforge.errors import Problem, RecipeError
from attnforge.plugin import hookimpl, hookspec, load_plugins
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.recipe.options import argument_lines

ROOT = Path(__file__).parents[2]
HOOKS = {name: hook for name, hook in vars(hookspec).items() if name.startswith("attnforge_")}


def test_there_are_the_hooks_of_the_design() -> None:
    assert set(HOOKS) == {
        "attnforge_components",
        "attnforge_recipes",
        "attnforge_commands",
        "attnforge_check_recipe",
        "attnforge_run_start",
        "attnforge_model_built",
        "attnforge_step_end",
        "attnforge_epoch_end",
        "attnforge_checkpoint_save",
        "attnforge_checkpoint_load",
        "attnforge_run_end",
        "attnforge_report_sections",
    }


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_says_when_it_is_called_and_shows_an_example(name: str) -> None:
    documented = inspect.getdoc(HOOKS[name]) or ""
    assert "Called" in documented
    assert "\n    " in documented


def example(name: str) -> str:
    """The indented lines of a hook's documentation before its `Args:`."""
    prose = (inspect.getdoc(HOOKS[name]) or "").partition("Args:\n")[0]
    lines = [line for line in prose.splitlines() if line.startswith("    ") or not line]
    return textwrap.dedent("\n".join(lines))


@pytest.mark.parametrize("name", HOOKS)
def test_examples_are_python_that_uses_the_hooks_arguments(name: str) -> None:
    arguments = list(inspect.signature(HOOKS[name]).parameters)
    body = textwrap.indent(example(name), "    ")
    tree = ast.parse(f"def {name}({', '.join(arguments)}):\n{body}")
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not arguments or used & set(arguments)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_explains_exactly_its_arguments(name: str) -> None:
    arguments = list(inspect.signature(HOOKS[name]).parameters)
    assert list(argument_lines(HOOKS[name].__doc__)) == arguments


def test_the_page_of_hooks_has_exactly_their_arguments() -> None:
    page = (ROOT / "docs" / "reference" / "hooks.md").read_text()
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    found = {}
    for section in sections:
        heading = section.splitlines()[0]
        match = re.fullmatch(r"`(\w+)\(([^)]*)\)`", heading)
        assert match, heading
        named = match[2].split(", ") if match[2] else []
        assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == named
        found[match[1]] = named
    assert found == {name: list(inspect.signature(hook).parameters) for name, hook in HOOKS.items()}


def test_each_hook_is_used_by_a_package_of_this_repository() -> None:
    used = {
        node.name
        for path in (ROOT / "plugins").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and "hookimpl" in map(ast.unparse, node.decorator_list)
    }
    assert sorted(set(HOOKS) - used) == []
    assert sorted(used - set(HOOKS)) == []


def test_an_observer_may_hear_every_hook_that_follows_the_start_of_a_run() -> None:
    names = list(HOOKS)
    start = names.index("attnforge_run_start")
    assert list(hookspec.RUN_HOOKS) == names[start + 1 : names.index("attnforge_report_sections")]


def listener(name: str, function: object) -> ModuleType:
    module = ModuleType("listener")
    setattr(module, name, hookimpl(function))  # type: ignore[call-overload]
    return module


def test_a_plugin_checks_recipes(tmp_path: Path) -> None:
    def check(recipe: ResolvedRecipe) -> list[Problem]:
        if recipe.get("training.seed") == 3:
            return [Problem("unlucky-seed", "three is unlucky", recipe.place("training.seed"))]
        return []

    kitchen = Kitchen(tmp_path)
    import small_plugin

    plugins = load_plugins(
        extra=[("small", small_plugin), ("listener", listener("attnforge_check_recipe", check))],
        installed=False,
    )
    path = kitchen.write(WHOLE)
    with pytest.raises(RecipeError) as caught:
        resolve(path, plugins=plugins)
    (problem,) = caught.value.problems
    assert problem.code == "unlucky-seed"
    assert problem.place is not None
    assert problem.place.excerpt == "training: {seed: 3}"
    assert resolve(path, overrides=["training.seed=4"], plugins=plugins).get("training.seed") == 4


def test_a_plugin_takes_only_the_arguments_that_it_needs() -> None:
    heard = []

    def step_end(scalars: dict[str, float], phase: str) -> None:
        heard.append((phase, scalars))

    plugins = load_plugins(extra=[("listener", listener("attnforge_step_end", step_end))], installed=False)
    plugins.hooks.call("attnforge_step_end", phase="gan", step=3, scalars={"loss": 1.0})
    assert heard == [("gan", {"loss": 1.0})]
