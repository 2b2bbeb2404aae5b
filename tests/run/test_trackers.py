"""Trackers and hooks of plugins: what they are told, also when training fails."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from noting_tracker import notebook_plugin
from spoiled_steps import spoil_matching_weights
from tiny_run import TINY

from attnforge.errors import AttnforgeError
from attnforge.plugin import hookimpl, load_plugins
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.train.progress import ConsoleReporter

SHORT = (
    "phases.damsm.steps=1",
    "phases.gan.steps=3",
    "phases.gan.sample_every=2",
    "evaluation.metrics={attributes: null, retrieval: null}",
)


def play(folder: Path, *overrides: str, plugins: list[tuple[str, ModuleType]] | None = None) -> None:
    catalogue = load_plugins(extra=[("notebook", notebook_plugin()), *(plugins or [])])
    resolved = resolve("quickstart", overrides=[*TINY, *SHORT, *overrides], plugins=catalogue)
    train(resolved, folder / "run", resume=False, reporter=ConsoleReporter())


def notebook(path: Path, *, name: str = "one", **options: object) -> str:
    described = "".join(f", {key}: {json.dumps(value)}" for key, value in options.items())
    return f"trackers.{name}={{use: notebook, path: {path}{described}}}"


def noted(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def last_event(run: Path) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    return event


def test_a_tracker_is_told_everything_in_order(tmp_path: Path) -> None:
    notes = tmp_path / "notes.jsonl"
    play(tmp_path, notebook(notes))
    calls = noted(notes)
    assert calls[0] == {"call": "opened", "run": str(tmp_path / "run"), "steps": 3}
    assert [call["call"] for call in calls].count("closed") == 1
    assert calls[-1] == {"call": "closed"}
    told = [
        {"phase": call["phase"], "step": call["step"], **call["values"]}
        for call in calls
        if call["call"] == "scalars"
    ]
    logged = [
        {name: value for name, value in row.items() if name != "seconds"} for row in rows(tmp_path / "run")
    ]
    assert told == logged
    assert [(row["phase"], row["step"]) for row in told] == [("damsm", 1), ("gan", 1), ("gan", 2), ("gan", 3)]
    images = [call for call in calls if call["call"] == "images"]
    assert [(call["phase"], call["step"]) for call in images] == [("gan", 2), ("gan", 3)]
    assert all(Path(path).is_file() for call in images for path in call["paths"])
    assert all(len(call["paths"]) == 2 for call in images)


def test_trackers_are_closed_when_training_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_matching_weights(monkeypatch)
    paths = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    trackers = [notebook(path, name=f"t{number}") for number, path in enumerate(paths)]
    with pytest.raises(AttnforgeError) as error:
        play(tmp_path, *trackers)
    assert [problem.code for problem in error.value.problems] == ["weights-not-finite"]
    for path in paths:
        assert noted(path)[-1] == {"call": "closed"}
    event = last_event(tmp_path / "run")
    assert (event["event"], event["reason"], event["error"]) == ("ended", "failed", "RunError")


def test_a_tracker_that_cannot_be_closed_keeps_no_other_open(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.jsonl" for number in range(3)]
    trackers = [notebook(path, name=f"t{number}", stubborn=number == 1) for number, path in enumerate(paths)]
    with pytest.raises(ConnectionError):
        play(tmp_path, *trackers)
    for path in paths:
        assert noted(path)[-1] == {"call": "closed"}
    assert last_event(tmp_path / "run")["reason"] == "finished"


def test_a_tracker_that_cannot_be_opened_leaves_no_other_open(tmp_path: Path) -> None:
    first, second = tmp_path / "one.jsonl", tmp_path / "missing" / "two.jsonl"
    with pytest.raises(FileNotFoundError):
        play(tmp_path, notebook(first), notebook(second, name="two"))
    assert [call["call"] for call in noted(first)] == ["opened", "closed"]


@pytest.mark.parametrize("failing", [False, True])
def test_the_end_is_told_before_trackers_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    notes = tmp_path / "notes.jsonl"
    module = ModuleType("listener")

    @hookimpl
    def attnforge_run_end(reason: str) -> None:
        with notes.open("a") as stream:
            stream.write(json.dumps({"call": reason}) + "\n")

    vars(module)["attnforge_run_end"] = attnforge_run_end
    if failing:
        spoil_matching_weights(monkeypatch)
    with pytest.raises(AttnforgeError) if failing else nullcontext():
        play(tmp_path, notebook(notes), plugins=[("listener", module)])
    end = "failed" if failing else "finished"
    assert [call["call"] for call in noted(notes)][-2:] == [end, "closed"]


def test_hooks_are_called_in_the_order_of_a_run(tmp_path: Path) -> None:
    calls: list[tuple[str, object]] = []
    module = ModuleType("listener")

    @hookimpl
    def attnforge_run_start(run: Path) -> None:
        calls.append(("start", (run / "recipe.lock.yaml").is_file()))

    @hookimpl
    def attnforge_model_built(networks: dict[str, object]) -> None:
        calls.append(("built", len(networks)))

    @hookimpl
    def attnforge_step_end(phase: str, step: int, scalars: dict[str, float]) -> None:
        assert all(isinstance(value, float) for value in scalars.values())
        calls.append((phase, step))

    @hookimpl
    def attnforge_epoch_end(phase: str, epoch: int) -> None:
        calls.append((f"{phase} epoch", epoch))

    @hookimpl
    def attnforge_checkpoint_save(folder: Path, phase: str, step: int) -> None:
        (folder / "listener.json").write_text(f"{step}")
        calls.append((f"{phase} saved", step))

    @hookimpl
    def attnforge_run_end(reason: str) -> None:
        calls.append(("end", reason))

    for function in (
        attnforge_run_start,
        attnforge_model_built,
        attnforge_step_end,
        attnforge_epoch_end,
        attnforge_checkpoint_save,
        attnforge_run_end,
    ):
        vars(module)[function.__name__] = function
    play(tmp_path, "phases.gan.batch_size=12", plugins=[("listener", module)])
    assert calls == [
        ("start", True),
        ("built", 2),
        ("damsm", 1),
        ("damsm saved", 1),
        ("built", 8),
        ("gan", 1),
        ("gan", 2),
        ("gan epoch", 1),
        ("gan saved", 2),
        ("gan", 3),
        ("gan saved", 3),
        ("end", "finished"),
    ]
    assert (tmp_path / "run/checkpoints/gan-0000003/listener.json").read_text() == "3"
