"""Classes that are declared in Python: in recipes, runs, evaluations and the conformance kit."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.stages import RefineStage
from tiny_run import TINY

import attnforge
from attnforge.api.smoke import smoke
from attnforge.errors import AttnforgeError, PluginError
from attnforge.plugin import Component, hookimpl, load_plugins
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.recipe.library import RecipeText
from attnforge.run.stop import StopSignal
from attnforge.testing import run
from attnforge.train.progress import SilentReporter


@attnforge.component("attention", "halved")
class HalvedAttention(WordAttention):
    """Attends to words, and takes a share of what they bring.

    Args:
        share: The share.
    """

    def __init__(self, spec: Any, *, share: float = 0.5) -> None:
        super().__init__(spec)
        self.share = share


HALVED = {
    "generator.stages": ["initial", partial(RefineStage, attention=HalvedAttention, residual_blocks=1)],
}


def refused(call: Any) -> str:
    with pytest.raises(AttnforgeError) as caught:
        call()
    return str(caught.value)


def test_a_declared_class_is_a_component_of_recipes_in_python() -> None:
    part = partial(HalvedAttention, share=0.25)
    recipe = attnforge.recipe("quickstart", overrides={"generator.stages.1.attention": part})
    component = recipe.component("generator.stages.1.attention")
    assert component == Component(
        "attention", "halved", f"{__name__}:HalvedAttention",
        "Attends to words, and takes a share of what they bring.",
    )  # fmt: skip
    again = attnforge.recipe(recipe, overrides={"training.seed": 2})
    assert again.component("generator.stages.1.attention") == component
    assert "halved" not in load_plugins().registry.names("attention")


def test_a_declaration_is_checked() -> None:
    class Inside:
        """Of this test."""

    assert "inside a function" in refused(lambda: attnforge.component("attention", "inside")(Inside))
    assert "attenton is not a kind; did you mean attention?" in refused(
        lambda: attnforge.component("attenton", "halved")(HalvedAttention)
    )
    assert "version 0" in refused(lambda: attnforge.component("attention", "x", version=0)(HalvedAttention))
    assert "bad-declaration" in refused(lambda: attnforge.load("runs/x", components=[Inside]))
    taken = type("Taken", (), {"__module__": __name__, "__qualname__": "Taken"})
    attnforge.component("attention", "word")(taken)
    assert "already by attngan" in refused(
        lambda: attnforge.recipe("quickstart", overrides={"generator.stages.1.attention": taken})
    )


def test_a_declared_class_is_held_to_the_contract_of_its_kind() -> None:
    asked = ["declaration_is_complete", "options_are_documented", "plugin_module_imports_quickly"]
    report = run(HalvedAttention, only=asked)
    assert (report.name, list(report.passed), list(report.skipped)) == (
        "attention/halved", asked[:2], asked[2:]
    )  # fmt: skip
    with pytest.raises(PluginError, match=r"@attnforge\.component"):
        run(WordAttention)


def test_a_frozen_recipe_resolves_when_its_class_has_moved_into_a_package() -> None:
    frozen = attnforge.recipe("quickstart", overrides=HALVED).frozen()
    assert "unknown-component" in refused(lambda: resolve(RecipeText(frozen)))
    package = ModuleType("package_of_halved")
    declared = Component("attention", "halved", f"{__name__}:HalvedAttention", "In a package.")
    vars(package)["attnforge_components"] = hookimpl(lambda: [declared], specname="attnforge_components")
    installed = load_plugins(extra=[("halved", package)])
    assert installed.plugins[-1].reason is None
    assert resolve(RecipeText(frozen), plugins=installed).name == "quickstart"


def test_a_declared_class_is_used_by_its_name_where_it_is_passed() -> None:
    named = {"generator.stages.1.attention": "halved"}
    assert "unknown-component" in refused(lambda: attnforge.recipe("quickstart", overrides=named))
    recipe = attnforge.recipe("quickstart", overrides=named, components=[HalvedAttention])
    assert recipe.component("generator.stages.1.attention").target.endswith(":HalvedAttention")


@pytest.mark.parametrize("source", ["quickstart", "resolved"])
def test_a_declared_class_can_be_tried(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[ResolvedRecipe] = []

    def stopped(recipe: ResolvedRecipe, **_: object) -> SimpleNamespace:
        tried.append(recipe)
        return SimpleNamespace(finished=False)

    monkeypatch.setattr("attnforge.api.smoke.start", stopped)
    chosen, overrides = source, HALVED
    if source == "resolved":
        chosen, overrides = attnforge.recipe("quickstart", overrides=HALVED), {}
    with StopSignal() as stop:
        assert not smoke(chosen, overrides=overrides, stop=stop, reporter=SilentReporter())
    (recipe,) = tried
    assert recipe.name == "quickstart"
    assert recipe.component("generator.stages.1.attention").name == "halved"
    assert recipe.get("phases.gan.steps") == 2


@pytest.mark.long
def test_a_run_with_a_declared_class_is_loaded_measured_and_resumed(tmp_path: Path) -> None:
    tiny = attnforge.recipe("quickstart", overrides=TINY)
    outcome = attnforge.train(tiny, out=tmp_path / "run", overrides=HALVED, quiet=True)
    assert outcome.finished
    assert "unknown-component" in refused(lambda: attnforge.load(outcome.run.path))
    model = attnforge.load(outcome.run.path, components=[HalvedAttention])
    (attention,) = (part for part in model.pipeline.parts.generator.modules() if hasattr(part, "share"))
    assert type(attention) is HalvedAttention
    assert np.ptp(model("a red bird").arrays) > 0
    measured = attnforge.evaluate(outcome.run.path, components=[HalvedAttention], quiet=True)
    assert measured.metrics["captions"] == 12
    assert attnforge.train(
        outcome.run.path, resume=True, overrides={"phases.gan.steps": 6}, allow_changes=True,
        components=[HalvedAttention], quiet=True,
    ).finished  # fmt: skip
