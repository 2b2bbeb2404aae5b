"""Shells complete commands, recipes, runs and keys, from what is written in the code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_gan.losses import BinaryCrossEntropyLoss

from attnforge.adversarial.averaging import Average
from attnforge.cli import run
from attnforge.cli.completing.keys import keys
from attnforge.cli.completing.shells import SHELLS, script
from attnforge.cli.completing.variable import VARIABLE
from attnforge.cli.completing.written import written_class, written_options
from attnforge.plugin import load_plugins
from attnforge.recipe import compose
from attnforge.recipe.options import options_of
from attnforge.recipe.schema import Phase, Recipe, Training


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """What a shell is given for the last of these words."""

    def answered(*words: str, shell: str = "bash") -> list[str]:
        if shell == "bash":  # which takes `=` for a word
            words = tuple(part for word in words for part in re.split("(=)", word) if part or word == "")
        monkeypatch.setenv(VARIABLE, f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", "\n".join(["attnforge", *words]))
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words)))
        assert run([]) == 0
        lines = capsys.readouterr().out.splitlines()
        if shell == "zsh":  # kind, word and description on a line each
            return lines[1::3]
        return [line.removeprefix("plain,").partition("\t")[0] for line in lines if line]

    return answered


def differing(classes: Iterable[type]) -> list[type]:
    """The classes whose options, read from source, are not those that recipes may set."""
    written = {target: written_class(target.__module__, target.__qualname__) for target in classes}
    return [
        target
        for target, source in written.items()
        if source is None or list(written_options(source)) != list(options_of(target))
    ]


def test_options_read_from_source_are_those_of_the_classes() -> None:
    """Nothing is forgotten and nothing made up: constructors, dataclasses, and what both inherit."""
    assert differing([Recipe, Training, Phase, MultiStageGenerator, BinaryCrossEntropyLoss, Average]) == []


@pytest.mark.long
def test_options_of_every_shipped_component_are_read_from_source() -> None:
    registry = load_plugins().registry
    classes = [registry.load(component) for component in registry]
    assert len(classes) > 50
    assert differing(classes) == []


@pytest.mark.parametrize(
    ("incomplete", "expected"),
    [
        ("train", {"training."}),
        ("training.se", {"training.seed="}),
        ("tok", {"tokenizer.", "tokenizer="}),
        ("phases.", {"phases.damsm.", "phases.gan."}),
        ("phases.gan.task.average.d", {"phases.gan.task.average.decay="}),
        ("generator.conditioner.us", {"generator.conditioner.use="}),
        ("evaluation.metrics.retrieval.f", {"evaluation.metrics.retrieval.folds="}),
        ("losses.damsm.im", {"losses.damsm.image_noise="}),
        ("image.model", {"image.model=", "image.model_options."}),
        ("generator.stages.", {f"generator.stages.{number}{end}" for number in range(3) for end in ".="}),
        ("generator.stages.1.attention.u", {"generator.stages.1.attention.use="}),
        ("no.such.key", set()),
        ("training.seed.more", set()),
        ("..", set()),
    ],
)
def test_keys_follow_the_recipe_and_its_components(incomplete: str, expected: set[str]) -> None:
    plugins = load_plugins()
    data = compose("quickstart", plugins=plugins).plain()
    assert set(keys(data, plugins.registry, incomplete)) == expected


def test_commands_recipes_and_keys_are_completed(complete) -> None:
    assert complete("quicks") == ["quickstart"]
    assert complete("train", "quickstart-") == ["quickstart-folder"]
    assert complete("train", "quickstart", "phases.gan.st") == ["phases.gan.steps="]
    assert complete("validate", "quickstart", "training.see") == ["training.seed="]
    assert complete("train", "no-such-recipe", "training.see") == []
    assert complete("train", "quickstart", "--sm") == ["--smoke"]


@pytest.mark.parametrize("shell", list(SHELLS))
@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("training.precision", "", ["auto", "float32", "bf16", "fp16"]),
        ("training.precision", "b", ["bf16"]),
        ("training.deterministic", "", ["true", "false"]),
        ("training.tf32", "", ["true", "false", "null"]),
        ("phases.gan.order", "", ["drawn", "length"]),
        ("phases.gan.truncate", "fi", ["first"]),
        ("losses.adversarial.use", "hin", ["hinge"]),
        ("losses.damsm", "da", ["damsm"]),
        ("generator.conditioner", "augm", ["augmentation"]),
        ("training.seed", "", []),
        ("no.such.key", "", []),
    ],
)
def test_values_that_can_be_listed_follow_a_key(
    complete, shell: str, key: str, value: str, expected: list[str]
) -> None:
    before = "" if shell == "bash" else f"{key}="  # bash replaces the value alone
    words = ["train", "quickstart", "training.seed=2", f"{key}={value}"]
    assert complete(*words, shell=shell) == [f"{before}{name}" for name in expected]


@pytest.mark.parametrize("shell", list(SHELLS))
def test_what_several_processes_run_is_completed_behind_launch(complete, shell: str) -> None:
    launch = ["launch", "--processes", "2"]
    assert complete("launch", "tr", shell=shell) == ["train"]
    assert complete("launch", "--mach", shell=shell) == ["--machines"]
    assert complete(*launch, "", shell=shell) == ["train", "eval"]
    assert complete(*launch, "train", "quickstart-", shell=shell) == ["quickstart-folder"]
    assert complete(*launch, "train", "quickstart", "--sm", shell=shell) == ["--smoke"]
    assert complete(*launch, "train", "quickstart", "phases.gan.st", shell=shell) == ["phases.gan.steps="]
    value = complete(*launch, "train", "quickstart", "training.seed=2", "training.precision=f", shell=shell)
    assert [word.rpartition("=")[2] for word in value] == ["float32", "fp16"]


def test_runs_are_completed_with_the_keys_that_their_command_takes(
    complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second", "line\nbreak"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "recipe.lock.yaml").write_text("extends: quickstart\n")
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "mine.yaml").write_text("extends: quickstart\n")
    assert complete("sample", "") == ["runs/first", "runs/second"]
    assert complete("report", "runs/") == ["runs/first", "runs/notes/", "runs/second"]
    assert complete("eval", "runs/first", "evaluation.cap") == ["evaluation.captions="]
    assert complete("eval", "runs/first", "training.") == []
    assert complete("eval", "runs/first", "evaluation.truncate=r") == ["random"]
    assert complete("eval", "runs/first", "training.precision=") == []
    assert complete("train", "mi") == ["mine.yaml"]
    assert complete("train", "./") == ["./mine.yaml", "./runs/"]


@pytest.mark.parametrize("shell", list(SHELLS))
def test_the_script_of_a_shell_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    printed = capsys.readouterr().out
    assert printed == script(shell)
    assert f"{VARIABLE}={shell}_complete" in printed
    assert ("nospace" in printed, "-S ''" in printed) == (shell == "bash", shell == "zsh")


def test_another_request_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "tcsh_complete")
    assert run([]) == 1
    assert capsys.readouterr().out == ""
