"""Plugins that raise while a run goes: they are charged by name, and the run is what it would have been."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_run import TINY

from attnforge.plugin import hookimpl, load_plugins
from attnforge.recipe import resolve
from attnforge.recipe.schema import Phase, Training
from attnforge.run.listeners import TrainedPhase
from attnforge.run.recorder import Recorder
from attnforge.run.training import Outcome, train
from attnforge.storage.checkpoints.search import read_checkpoint
from attnforge.storage.folder import RunFolder
from attnforge.train.loop import StepResult
from attnforge.train.progress import ConsoleReporter

SHORT = (
    "phases.damsm.steps=1",
    "phases.gan.steps=3",
    "phases.gan.batch_size=12",
    "phases.gan.sample_every=0",
    "evaluation.metrics={attributes: null, retrieval: null}",
)


class Note:
    """Hears a run, and raises in one hook."""

    def __init__(self, hook: str) -> None:
        self.hook = hook
        self.heard: list[str] = []

    def hear(self, hook: str) -> None:
        self.heard.append(hook)
        if hook == self.hook:
            raise OSError(f"{hook} failed")

    @hookimpl
    def attnforge_model_built(self, phase: str) -> None:
        self.hear(f"model_built {phase}")

    @hookimpl
    def attnforge_step_end(self, phase: str, step: int) -> None:
        self.hear(f"step_end {phase} {step}")

    @hookimpl
    def attnforge_epoch_end(self) -> None:
        self.hear("epoch_end")

    @hookimpl
    def attnforge_checkpoint_save(self, folder: Path, phase: str, step: int) -> None:
        (folder / f"{self.hook.replace(' ', '-')}.json").write_text("half")
        if self.hook == "adds a folder":
            (folder / "more").mkdir()
        self.hear(f"checkpoint_save {phase} {step}")

    @hookimpl
    def attnforge_checkpoint_load(self, folder: Path, phase: str, step: int) -> None:
        assert folder.name == f"{phase}-{step:07d}"
        self.hear("checkpoint_load")

    @hookimpl
    def attnforge_run_end(self) -> None:
        self.hear("run_end")


RAISING = (
    "run_start",
    "model_built gan",
    "step_end gan 2",
    "epoch_end",
    "checkpoint_save gan 2",
    "adds a folder",
    "checkpoint_load",
    "run_end",
    "never",
)


def play(folder: Path, *, steps: int, resume: bool = False) -> tuple[Outcome, dict[str, Note]]:
    """Train with one plugin for each way to fail."""
    notes = {hook: Note(hook) for hook in RAISING}

    def starting(note: Note) -> Callable[[], Note]:
        @hookimpl
        def attnforge_run_start() -> Note:
            note.hear("run_start")
            return note

        return attnforge_run_start

    extra = []
    for hook, note in notes.items():
        module = ModuleType(hook)
        vars(module)["attnforge_run_start"] = starting(note)
        extra.append((hook, module))
    catalogue = load_plugins(extra=extra)
    overrides = [*TINY, *SHORT, f"phases.gan.steps={steps}"]
    resolved = resolve("quickstart", overrides=overrides, plugins=catalogue)
    outcome = train(resolved, folder, resume=resume, allow_changes=resume, reporter=ConsoleReporter())
    return outcome, notes


def events(run: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [row for row in rows if row["event"] == "plugin-failed"]


def test_each_plugin_that_raises_is_reported_and_the_run_continues(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    outcome, notes = play(run, steps=3)
    assert outcome.finished
    said = capsys.readouterr().err
    charged = [event["plugin"] for event in events(run)]
    assert sorted(charged) == sorted(set(RAISING) - {"checkpoint_load", "never"})
    for plugin in charged:
        assert said.count(f"plugin {plugin} raised in attnforge_") == 1
        assert plugin not in notes or notes[plugin].heard[-1] in (plugin, "checkpoint_save damsm 1")
    first, *_ = events(run)
    assert first["hook"] == "attnforge_run_start"
    assert first["error"] == "OSError: run_start failed"
    assert "test_plugin_failures.py" in first["traceback"]
    # nobody hears less because another raised
    built = [heard for heard in notes["never"].heard if heard.startswith("model_built")]
    assert built == ["model_built damsm", "model_built gan"]
    assert notes["never"].heard[-1] == "run_end"
    assert [heard for heard in notes["never"].heard if heard.startswith("step_end gan")] == [
        f"step_end gan {step}" for step in (1, 2, 3)
    ]
    # a checkpoint is whole, with the files of those that did not fail
    checkpoint = read_checkpoint(run / "checkpoints" / "gan-0000002")
    assert checkpoint is not None
    files = {path.name for path in checkpoint.folder.iterdir()}
    assert "never.json" in files
    assert not files & {"checkpoint_save-gan-2.json", "adds-a-folder.json", "more"}

    outcome, notes = play(run, steps=4, resume=True)
    assert outcome.finished
    said = capsys.readouterr().err
    assert "plugin checkpoint_load raised in attnforge_checkpoint_load" in said
    assert "without its saved state" in said
    assert notes["checkpoint_load"].heard[-1] == "checkpoint_load"
    assert notes["never"].heard[-1] == "run_end"


def test_a_run_of_the_same_process_logs_disabled_plugins(recorder_with: Callable[..., Recorder]) -> None:
    recorder = recorder_with()
    recorder.hooks.skipped.add("broken")
    with recorder:
        recorder.end("finished")
    rows = [json.loads(line) for line in (recorder.run.path / "log.jsonl").read_text().splitlines()]
    assert [(row["event"], row.get("plugin")) for row in rows] == [
        ("started", None),
        ("plugin-disabled", "broken"),
        ("ended", None),
    ]


class Nothing:
    """A task without networks, whose steps are told by hand."""

    sampling_network = None

    def networks(self) -> dict[str, Any]:
        return {}

    def optimizers(self) -> dict[str, Any]:
        return {}


def calls_of_plugin_code(recorder: Recorder, steps: int) -> int:
    """How often code of `attnforge.plugin` is entered while steps are recorded."""
    entered = 0

    def watch(frame: Any, event: str, argument: object) -> None:
        nonlocal entered
        entered += event == "call" and "attnforge/plugin/" in frame.f_code.co_filename

    phase: Any = SimpleNamespace(checkpoint_every=0, log_every=1, sample_every=0, batch_size=4)
    assert set(vars(phase)) <= set(Phase.__dataclass_fields__)
    parts: Any = SimpleNamespace()
    trained = TrainedPhase("p", phase, Nothing(), parts, start=steps, steps=2 * steps, images=4)
    with recorder.phase(trained, samples=None) as after_step:
        recorder_saved = None
        sys.setprofile(watch)
        try:
            for step in range(1, steps):
                scalars = {"loss": torch.zeros(())}
                after_step(StepResult("p", step, steps, 4, scalars))
        finally:
            sys.setprofile(recorder_saved)
    return entered


@pytest.fixture
def recorder_with(tmp_path: Path) -> Callable[..., Recorder]:
    """Makes a recorder that writes into the test's folder and hears these plugins."""

    def make(*plugins: tuple[str, ModuleType]) -> Recorder:
        catalogue = load_plugins(extra=plugins, installed=False)
        resolved: Any = SimpleNamespace(plugins=catalogue, data=dict)
        recipe: Any = SimpleNamespace(training=Training(), trackers={}, phases={})
        return Recorder(
            RunFolder(tmp_path),
            recipe=recipe,
            resolved=resolved,
            recipe_text="",
            data={},
            reporter=ConsoleReporter(),
        )

    return make


def test_steps_enter_no_plugin_code_when_nobody_listens(recorder_with: Callable[..., Recorder]) -> None:
    assert calls_of_plugin_code(recorder_with(), steps=5) == 0
    heard: list[int] = []
    module = ModuleType("listener")

    @hookimpl
    def attnforge_step_end(step: int) -> None:
        heard.append(step)

    vars(module)["attnforge_step_end"] = attnforge_step_end
    assert calls_of_plugin_code(recorder_with(("listener", module)), steps=5) > 0
    assert heard == [1, 2, 3, 4]
