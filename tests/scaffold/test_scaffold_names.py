"""The names of a new plugin: all follow from one, and none is taken."""

from __future__ import annotations

import pytest

from attnforge.errors import PluginError, Problem
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.scaffold import MAX_NAME_LENGTH, name_plugin


@pytest.fixture(scope="module")
def plugins() -> PluginCatalogue:
    return load_plugins()


def _refused(name: str, *, kind: str, plugins: PluginCatalogue) -> Problem:
    with pytest.raises(PluginError) as caught:
        name_plugin(name, kinds=[kind], plugins=plugins)
    (problem,) = caught.value.problems
    return problem


def test_components_of_several_kinds_share_the_name(plugins: PluginCatalogue) -> None:
    names = name_plugin("tried-gan", kinds=["generator", "loss"], plugins=plugins)
    assert [(part.kind, part.component, part.class_name) for part in names.parts] == [
        ("generator", "tried-gan", "TriedGanGenerator"),
        ("loss", "tried-gan", "TriedGanLoss"),
    ]
    names = name_plugin("tried-loss", kinds=["stage", "loss", "kernel"], plugins=plugins)
    assert [part.component for part in names.parts] == ["tried", "tried", "word-attention-tried"]


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        (["loss", "loss"], "the kind `loss` is given twice"),
        (["generator", "stage"], "no slot for a new stage"),
        (["kernel", "attention"], "calls no kernel"),
        (["scorer", "sampler"], "asks no scorer"),
    ],
)
def test_kinds_that_no_recipe_can_use_together_are_refused(
    kinds: list[str], reason: str, plugins: PluginCatalogue
) -> None:
    with pytest.raises(PluginError) as caught:
        name_plugin("tried", kinds=kinds, plugins=plugins)
    (problem,) = caught.value.problems
    assert problem.code == "kinds-conflict"
    assert reason in problem.message


def test_a_component_of_any_kind_that_is_taken_is_refused(plugins: PluginCatalogue) -> None:
    with pytest.raises(PluginError) as caught:
        name_plugin("hinge", kinds=["generator", "loss"], plugins=plugins)
    assert "the loss `hinge` of gan" in caught.value.problems[0].message


def test_the_component_has_the_name_without_the_kind(
    plugins: PluginCatalogue,
) -> None:
    names = name_plugin("gated-attention", kinds=["attention"], plugins=plugins)
    (part,) = names.parts
    assert (part.component, part.class_name, part.module) == ("gated", "GatedAttention", "attention")
    assert (names.distribution, names.package) == ("attnforge-gated-attention", "attnforge_gated_attention")


def test_any_other_name_is_the_component_s_too(plugins: PluginCatalogue) -> None:
    names = name_plugin("two-way", kinds=["text-encoder"], plugins=plugins)
    (part,) = names.parts
    assert (part.component, part.class_name, part.module) == (
        "two-way",
        "TwoWayTextEncoder",
        "text_encoder",
    )


def test_a_kernel_has_its_operation_in_its_name_but_not_in_recipes(plugins: PluginCatalogue) -> None:
    names = name_plugin("tiled-kernel", kinds=["kernel"], plugins=plugins)
    (part,) = names.parts
    assert (part.component, part.recipe_name) == ("word-attention-tiled", "tiled")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Gated", "not lower-case words"),
        ("gated_attention", "not lower-case words"),
        ("gated--attention", "not lower-case words"),
        ("2d-attention", "not lower-case words"),
        ("../attention", "not lower-case words"),
        ("gated\n", "not lower-case words"),
        ("", "not lower-case words"),
        ("n" * (MAX_NAME_LENGTH + 1), "33 characters"),
        ("attnforge-gated", "use `gated`"),
        ("attention", "the kind alone"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(name: str, reason: str, plugins: PluginCatalogue) -> None:
    problem = _refused(name, kind="attention", plugins=plugins)
    assert problem.code == "plugin-name"
    assert reason in problem.message


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("word-attention", "the attention `word` of attngan"),
        ("sketch-birds", "the plugin sketch-birds"),
        ("quickstart-folder", "a recipe of attnforge"),
    ],
)
def test_a_name_that_is_taken_is_refused_with_its_owner(
    name: str, owner: str, plugins: PluginCatalogue
) -> None:
    problem = _refused(name, kind="attention", plugins=plugins)
    assert problem.code == "name-taken"
    assert owner in problem.message


def test_the_same_name_of_another_kind_is_free(plugins: PluginCatalogue) -> None:
    assert name_plugin("word-loss", kinds=["loss"], plugins=plugins).parts[0].component == "word"


def test_an_unknown_kind_is_refused_with_the_nearest(plugins: PluginCatalogue) -> None:
    problem = _refused("gated-atention", kind="atention", plugins=plugins)
    assert problem.code == "unknown-kind"
    assert problem.expected is not None
    assert problem.expected.startswith("`attention`")
