"""Shells complete commands, recipes, runs and keys, from what is written in the code."""

from __future__ import annotations

import subprocess
import sys
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
    """What bash is given for the last of these words."""

    def answered(*words: str) -> list[str]:
        monkeypatch.setenv(VARIABLE, "bash_complete")
        monkeypatch.setenv("COMP_WORDS", "\n".join(["attnforge", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        assert run([]) == 0
        return [line.removeprefix("plain,") for line in capsys.readouterr().out.splitlines() if line]

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


@pytest.mark.long
def test_bash_itself_completes_a_key_without_a_space_behind_it(tmp_path: Path) -> None:
    steps = "\n".join(
        [
            script("bash"),
            'compopt() { echo "compopt ${*}"; }',  # which bash allows only while a key is pressed
            "COMP_WORDS=(attnforge train quickstart phases.gan.st); COMP_CWORD=3",
            '_attnforge_completion attnforge; echo "${COMPREPLY[*]}"',
        ]
    )
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "--norc", "-c", steps], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True
    )
    assert done.stdout.split() == ["compopt", "-o", "nospace", "phases.gan.steps="], done.stderr
