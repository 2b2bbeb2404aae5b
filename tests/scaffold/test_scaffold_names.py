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
        name_plugin(name, kind=kind, plugins=plugins)
    (problem,) = caught.value.problems
    return problem


def test_the_component_has_the_name_without_the_kind(
    plugins: PluginCatalogue,
) -> None:
    names = name_plugin("gated-attention", kind="attention", plugins=plugins)
    assert (names.component, names.class_name, names.module) == ("gated", "GatedAttention", "attention")
    assert (names.distribution, names.package) == ("attnforge-gated-attention", "attnforge_gated_attention")


def test_any_other_name_is_the_component_s_too(plugins: PluginCatalogue) -> None:
    names = name_plugin("two-way", kind="text-encoder", plugins=plugins)
    assert (names.component, names.class_name, names.module) == (
        "two-way",
        "TwoWayTextEncoder",
        "text_encoder",
    )


def test_a_kernel_has_its_operation_in_its_name_but_not_in_recipes(plugins: PluginCatalogue) -> None:
    names = name_plugin("tiled-kernel", kind="kernel", plugins=plugins)
    assert (names.component, names.recipe_name) == ("word-attention-tiled", "tiled")


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
    assert name_plugin("word-loss", kind="loss", plugins=plugins).component == "word"


def test_an_unknown_kind_is_refused_with_the_nearest(plugins: PluginCatalogue) -> None:
    problem = _refused("gated-atention", kind="atention", plugins=plugins)
    assert problem.code == "unknown-kind"
    assert problem.expected is not None
    assert problem.expected.startswith("`attention`")
