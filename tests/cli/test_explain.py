"""`attnforge explain`: components, kinds, hooks, error codes and settings of the official code."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path

import pytest
import small_plugin
from attnforge_attngan.attention import WordAttention

from attnforge.cli import run
from attnforge.errors import PluginError
from attnforge.explain.lookup import look_up
from attnforge.explain.official import official_setting, official_settings
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve


def explained(capsys: pytest.CaptureFixture[str], *topics: str) -> str:
    assert run(["explain", *topics]) == 0
    return capsys.readouterr().out


def facts(capsys: pytest.CaptureFixture[str], *topics: str) -> list[dict[str, object]]:
    assert run(["explain", *topics, "--json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_a_component_with_its_place_its_spec_and_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    shown = explained(capsys, "attention/word")
    lines = inspect.getsourcelines(WordAttention)
    assert f"{inspect.getsourcefile(WordAttention)}:{lines[1]}" in shown
    assert "version 1, of plugin attngan (attnforge " in shown
    assert "AttentionSpec" in shown
    assert "Channels of the feature map that attends" in shown
    row = next(line for line in shown.splitlines() if line.startswith("  mask "))
    assert "`per-caption`, `official`" in row
    assert "`per-caption` masks the" in row
    assert "Args:" not in shown


def test_a_component_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    (one,) = facts(capsys, "generator/multi-stage")
    options = {option["name"]: option for option in one["options"]}  # type: ignore[attr-defined]
    assert one["topic"] == "component"
    assert one["version"] == 2
    assert one["target"] == "attnforge_attngan.generator:MultiStageGenerator"
    assert options["channels"]["default"] == 32
    assert options["stages"]["needed"]
    assert options["stages"]["components"] == ["initial", "refine", "stackgan-v2"]
    assert one["handed"]["name"] == "GeneratorSpec"  # type: ignore[index]


def test_options_of_a_section_stand_below_the_option_that_holds_it() -> None:
    (tower,) = look_up("generator/tower", load_plugins(extra=[("small", small_plugin)], installed=False))
    names = [option["name"] for option in tower.facts["options"]]
    assert names == ["stages", "conditioner", "sides", "widths", "widths.inner", "widths.outer", "activation"]
    (inner,) = [option for option in tower.facts["options"] if option["name"] == "widths.inner"]
    assert (inner["default"], inner["meaning"]) == (4, "Channels inside.")
    (slot,) = [option for option in tower.facts["options"] if option["name"] == "conditioner"]
    assert slot["default_in_words"] == "Noise"


def test_a_bare_name_that_several_kinds_share_is_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert {one["kind"] for one in facts(capsys, "damsm")} == {"loss", "scorer", "task"}


def test_an_error_code_is_its_section_of_the_reference(
    capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    page = (request.config.rootpath / "docs" / "reference" / "errors.md").read_text()
    section = page.partition("## `lock-mismatch`")[2].partition("\n## ")[0].strip()
    assert section
    assert section in explained(capsys, "lock-mismatch")


def test_a_hook_with_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    (one,) = facts(capsys, "attnforge_epoch_end")
    assert one["arguments"] == ["phase", "epoch"]
    assert "attnforge_epoch_end(phase, epoch)" in explained(capsys, "epoch-end")


def test_a_kind_with_its_promise_and_its_components(capsys: pytest.CaptureFixture[str]) -> None:
    shown = explained(capsys, "attention")
    assert "features: Float[Tensor, 'b c h w']" in shown
    assert "components: word" in shown
    assert "AttentionSpec" in shown


def test_several_topics_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert [one["name"] for one in facts(capsys, "loss/kl", "unknown-key")] == ["kl", "unknown-key"]


@pytest.mark.parametrize(
    ("topic", "nearest"),
    [
        ("attention/wrod", "`attention/word`"),
        ("unknwon-key", "`unknown-key`"),
        ("attnforge_step_ned", "`attnforge_step_end`"),
    ],
)
def test_an_unknown_topic_is_answered_with_the_nearest(
    topic: str, nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", topic]) == 1
    shown = capsys.readouterr().err
    assert "error[unknown-topic]" in shown
    assert nearest in shown


def test_a_component_that_cannot_be_imported_is_an_error() -> None:
    with pytest.raises(PluginError) as caught:
        look_up("loss/vanished", load_plugins(extra=[("small", small_plugin)], installed=False))
    assert caught.value.problems[0].code == "component-import"


def test_a_plugin_explains_its_own_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "explained_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "plugin.py").write_text("")
    (package / "errors.md").write_text(
        "# Errors\n\n## `bad-feather`\n\nOne is bent.\n\n## `unknown-key`\n\nNo.\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    plugins = load_plugins(extra=[("feathers", "explained_package.plugin")], installed=False)
    (found,) = look_up("bad-feather", plugins)
    assert found.text == "One is bent."
    assert found.facts["provider"] == str(plugins.plugins[0])
    (own,) = look_up("unknown-key", plugins)
    assert own.facts["provider"] == "attnforge"


def test_an_error_without_a_next_step_names_the_command_that_explains_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "odd.yaml"
    recipe.write_text("extends: quickstart\ntraining: {sede: 1, workers: x}\n")
    assert run(["validate", str(recipe)]) == 1
    assert capsys.readouterr().err.rstrip().endswith("more: attnforge explain unknown-key wrong-type")
    assert run(["explain", "wrod"]) == 1
    assert "more:" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "topic", ["TRAIN.SMOOTH.LAMBDA", "cfg.TRAIN.SMOOTH.LAMBDA", "LAMBDA", "SMOOTH.LAMBDA"]
)
def test_a_setting_of_the_official_code(capsys: pytest.CaptureFixture[str], topic: str) -> None:
    [setting] = facts(capsys, topic)
    assert setting["name"] == "TRAIN.SMOOTH.LAMBDA"
    assert setting["here"] == "`losses.damsm.weight`"


def test_every_setting_of_the_official_code_is_a_key_of_recipes() -> None:
    recipe = resolve("attngan2-cub").data()
    settings = official_settings()
    assert len(settings) == 34
    for name, setting in settings.items():
        key = str(setting.facts["here"]).strip("`")
        if setting.facts["here"] and key != setting.facts["here"] and not key.startswith("pretrained"):
            value = recipe
            for step in key.split("."):
                assert step in value, f"{name}: {key}"
                value = value[step]


def test_no_setting_hides_a_topic_of_attnforge() -> None:
    plugins = load_plugins()
    names = {part.name for part in plugins.registry}
    assert not names & official_settings().keys()
    assert official_setting("word") == official_setting("losses.damsm.weight") == []
