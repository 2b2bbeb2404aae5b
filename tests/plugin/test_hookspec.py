"""Hook specifications are documents, and plugins hear what they ask for."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType

import pytest
from small_recipes import WHOLE, Kitchen

from attnforge.errors import Problem, RecipeError
from attnforge.plugin import hookimpl, hookspec, load_plugins
from attnforge.recipe import ResolvedRecipe, resolve

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
