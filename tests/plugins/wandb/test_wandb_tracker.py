"""The tracker `wandb` offline: what wandb itself wrote is read back, from the log that `wandb sync` sends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attnforge_wandb.plugin as wandb_plugin
import pytest
from attnforge_wandb.accounts import FILE, end_of, note_end, read_accounts
from attnforge_wandb.section import section
from attnforge_wandb.tracker import WandbTracker
from PIL import Image
from spoiled_steps import spoil_matching_loss
from tiny_run import TINY
from wandb_log import config, exit_code, history, records

from attnforge.errors import AttnforgeError, RunError
from attnforge.plugin import load_plugins
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.run.training import train
from attnforge.specs import TrackerSpec
from attnforge.train.progress import ConsoleReporter

SHORT = (
    "phases.damsm.steps=1",
    "phases.gan.steps=2",
    "phases.gan.sample_every=2",
    "phases.gan.checkpoint_every=1",
    "evaluation.metrics={attributes: null, retrieval: null}",
)


def tracker(run: Path, **options: Any) -> WandbTracker:
    run.mkdir(exist_ok=True)
    return WandbTracker(TrackerSpec(run=str(run), recipe={"train": {"seed": 3}}), mode="offline", **options)


def recipe(*overrides: str) -> ResolvedRecipe:
    plugins = load_plugins(extra=[("wandb", wandb_plugin)])
    return resolve("quickstart-wandb", overrides=[*TINY, *SHORT, *overrides], plugins=plugins)


def logs(run: Path) -> list[Path]:
    """What wandb wrote, first things first; its process writes until it is sent away."""
    import wandb

    wandb.teardown()
    return sorted(run.glob("wandb/offline-run-*/run-*.wandb"), key=lambda path: path.stat().st_mtime_ns)


def test_scalars_images_and_the_recipe_are_in_what_wandb_wrote(tmp_path: Path) -> None:
    run = tmp_path / "birds"
    (run / "samples").mkdir(parents=True)
    captions = [{"caption": text, "index": index} for index, text in enumerate(["a red bird", "a blue one"])]
    (run / "samples/captions.json").write_text(json.dumps(captions))
    paths = [run / "samples" / f"{number:02d}.png" for number in range(2)]
    for number, path in enumerate(paths):
        Image.new("RGB", (4, 4), (40 * number, 0, 0)).save(path)
    board = tracker(run, project="mine", entity="team", name="my birds", tags=("small", "first"))
    board.scalars({"G damsm": 0.5}, phase="gan", step=20)
    board.images([str(path) for path in paths], phase="gan", step=40)
    board.close()
    [log] = logs(run)
    told, samples = history(log)
    assert told == {"gan/G damsm": 0.5, "gan/step": 20}
    assert samples["gan/samples/captions"] == ["a red bird", "a blue one"]
    kept = [(log.parent / "files" / name).read_bytes() for name in samples["gan/samples/filenames"]]
    assert kept == [path.read_bytes() for path in paths]
    assert samples["gan/step"] == 40
    assert config(log)["train"] == {"seed": 3}
    [started] = [one.run for one in records(log) if one.WhichOneof("record_type") == "run"]
    assert (started.project, started.entity, started.display_name) == ("mine", "team", "my birds")
    assert sorted(started.tags) == ["first", "small"]
    axes = {one.metric.glob_name: one.metric.step_metric for one in records(log) if one.HasField("metric")}
    assert axes["gan/*"] == "gan/step"


def test_a_resumed_run_keeps_its_id_and_another_project_gets_another(tmp_path: Path) -> None:
    ids = []
    for project in ("mine", "mine", "other"):
        board = tracker(tmp_path / "run", project=project)
        ids.append(board.account.id)
        board.close()
    assert ids[0] == ids[1] != ids[2]
    assert {log.stem.removeprefix("run-") for log in logs(tmp_path / "run")} == set(ids)


def test_closing_twice_ends_it_once(tmp_path: Path) -> None:
    board = tracker(tmp_path / "run")
    board.close()
    board.close()
    [log] = logs(tmp_path / "run")
    assert exit_code(log) == 0


def test_two_trackers_of_a_process_do_not_mix(tmp_path: Path) -> None:
    boards = [tracker(tmp_path / name) for name in ("one", "two")]
    for number, board in enumerate(boards):
        board.scalars({"loss": float(number)}, phase="gan", step=1)
    for board in boards:
        board.close()
    for number, name in enumerate(("one", "two")):
        [log] = logs(tmp_path / name)
        assert [row["gan/loss"] for row in history(log)] == [number]


def test_two_steps_of_training_and_what_is_resumed_are_tracked(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(recipe(), run, resume=False, reporter=ConsoleReporter())
    [log] = logs(run)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    expected = [
        {f"{row['phase']}/{name}": value for name, value in row.items() if name not in ("phase", "seconds")}
        for row in rows
    ]
    scalars = [row for row in history(log) if not any("/samples/" in name for name in row)]
    assert scalars == expected
    assert [row["gan/step"] for row in scalars[1:]] == [1, 2]
    [images] = [row for row in history(log) if "gan/samples/captions" in row]
    fixed = json.loads((run / "samples/captions.json").read_text())
    assert images["gan/samples/captions"] == [entry["caption"] for entry in fixed]
    frozen = recipe().data()
    assert {name: config(log)[name] for name in frozen} == json.loads(json.dumps(frozen))
    assert exit_code(log) == 0

    train(recipe("phases.gan.steps=3"), run, resume=True, allow_changes=True, reporter=ConsoleReporter())
    _, second = logs(run)
    assert second.stem == log.stem
    assert [row["gan/step"] for row in history(second) if "gan/G damsm 32" in row] == [3]
    assert config(second)["phases"]["gan"]["steps"] == 3


def test_a_run_that_fails_has_crashed_in_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_matching_loss(monkeypatch)
    with pytest.raises(AttnforgeError):
        train(
            recipe(),
            tmp_path / "run",
            resume=False,
            reporter=ConsoleReporter(),
        )
    [log] = logs(tmp_path / "run")
    assert exit_code(log) == 1
    [account] = read_accounts(tmp_path / "run")
    assert account.reason == "failed"


def test_the_reason_of_an_end_is_cleared_when_the_run_is_resumed(tmp_path: Path) -> None:
    note_end(tmp_path, "failed")  # no tracker ever opened a run here
    assert not (tmp_path / FILE).exists()
    tracker(tmp_path / "run").close()
    note_end(tmp_path / "run", "failed")
    board = tracker(tmp_path / "run")
    assert end_of(tmp_path / "run", board.account) is None
    board.close()
    assert exit_code(logs(tmp_path / "run")[-1]) == 0


@pytest.mark.parametrize("content", ["", "[]", '{"runs": [{"id": 3}]}', "\x00"])
def test_a_damaged_file_of_ids_is_an_error_with_a_command(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(RunError) as caught:
        tracker(tmp_path)
    [problem] = caught.value.problems
    assert problem.code == "wandb-accounts"
    assert problem.next_step is not None
    assert str(tmp_path / FILE) in problem.next_step


def test_the_report_names_the_wandb_run(tmp_path: Path) -> None:
    assert section(tmp_path) == []
    board = tracker(tmp_path / "run", project="<b>mine")
    board.close()
    [(title, html)] = section(tmp_path / "run")
    assert title == "Weights & Biases"
    assert board.account.id in html
    assert "wandb sync" in html
    assert "&lt;b&gt;mine" in html
    assert "<b>" not in html
