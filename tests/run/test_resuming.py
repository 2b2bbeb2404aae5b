"""What the frozen recipe of a run records is what trained it; a path means what it names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from damaged_runs import events_of, flip_last_bit, snapshot, weights_of
from tiny_run import TINY, train_tiny

from attnforge.adversarial.task import AdversarialTask
from attnforge.cli import run as attnforge
from attnforge.errors import AttnforgeError
from attnforge.interfaces import Batch, Progress
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.train.progress import ConsoleReporter

Shown = pytest.CaptureFixture[str]
UNMEASURED = "evaluation.metrics={attributes: null, retrieval: null}"
NO_SAMPLES = "phases.gan.sample_every=0"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("resuming") / "base"
    assert train_tiny(path, UNMEASURED, NO_SAMPLES).finished
    return path


@pytest.fixture
def run(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "run"))


def resumed(run: Path, *overrides: str, out: Path | None = None) -> int:
    place = ["--out", str(out)] if out else ["--allow-changes"]
    return attnforge(["train", "--resume", str(run), *overrides, *place])


def steps_of(run: Path, phase: str) -> list[int]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row["step"] for row in rows if row["phase"] == phase]


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("phases.gan.steps=3", "phase gan has 3 steps in the recipe"),
        ("phases.damsm.steps=9", "`phases.damsm.steps` cannot change from 3 to 9"),
        ("phases.damsm.task={use: damsm, gamma1: 9}", "`phases.damsm.task.gamma1`"),
        ("phases.gan.task.betas=[0.9, 0.99]", "`phases.gan.task.betas`"),
    ],
)
def test_what_cannot_change_is_refused_by_name_and_nothing_is_touched(
    run: Path, capsys: Shown, override: str, named: str
) -> None:
    before = snapshot(run)
    steps = () if "gan.steps" in override else ("phases.gan.steps=6",)
    assert resumed(run, override, *steps) == 1
    shown = capsys.readouterr().err
    assert "error[cannot-change]" in shown
    assert named in shown
    assert snapshot(run) == before


def test_a_phase_that_is_put_before_the_checkpoint_is_refused(
    run: Path, capsys: Shown, tmp_path: Path
) -> None:
    phase = "{task: damsm, steps: 1, batch_size: 4}"
    file = tmp_path / "mine.yaml"
    text = resolve("quickstart", overrides=[*TINY, UNMEASURED, NO_SAMPLES]).frozen()
    file.write_text(text.replace("phases:\n", f"phases:\n  early: {phase}\n", 1))
    with pytest.raises(AttnforgeError) as error:
        train(resolve(file), run, resume=True, reporter=ConsoleReporter())
    assert {problem.code for problem in error.value.problems} == {"cannot-change"}
    assert "phases.early" in str(error.value)


def test_checkpoints_of_a_phase_that_the_recipe_lacks_are_not_forgotten(run: Path) -> None:
    before = snapshot(run)
    others = [one for one in TINY if not one.startswith("phases.gan")]
    gan = ("phases.gan=null", "phases.other={task: gan, steps: 2, batch_size: 4}")
    lost = resolve("quickstart", overrides=[*others, UNMEASURED, *gan])
    with pytest.raises(AttnforgeError) as error:
        train(lost, run, resume=True, reporter=ConsoleReporter())
    assert [problem.code for problem in error.value.problems] == ["other-phases"]
    assert snapshot(run) == before


def test_what_changes_is_written_down_with_the_step_from_which_it_holds(run: Path) -> None:
    assert resumed(run, "phases.gan.steps=6", "phases.gan.task.generator_learning_rate=0.5") == 0
    (event,) = events_of(run, "resumed")
    assert (event["phase"], event["step"]) == ("gan", 5)
    assert event["changed"] == {
        "phases.gan.task.generator_learning_rate": [0.001, 0.5],
        "phases.gan.steps": [5, 6],
    }


def test_a_changed_learning_rate_is_the_one_that_trains(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []

    def step(self: AdversarialTask, batch: Batch, *, progress: Progress) -> dict[str, torch.Tensor]:
        rates.extend(group["lr"] for group in self.generator_optimizer.param_groups)
        return {"loss": torch.zeros(())}

    monkeypatch.setattr(AdversarialTask, "step", step)  # a task without a schedule of its own
    assert resumed(run, "phases.gan.steps=6", "phases.gan.task.generator_learning_rate=0.5") == 0
    assert rates == [0.5, 0.5]  # of the step that is tried before, and of the step that is made


def test_recipe_yaml_stays_as_it_was_asked_for(run: Path) -> None:
    asked, lock = (run / "recipe.yaml").read_bytes(), (run / "recipe.lock.yaml").read_bytes()
    shutil.rmtree(run / "checkpoints/gan-0000005")
    assert resumed(run) == 0
    assert (run / "recipe.yaml").read_bytes() == asked
    assert (run / "recipe.lock.yaml").read_bytes() == lock


def test_recipe_yaml_takes_the_values_that_are_asked_for_on_resume(run: Path) -> None:
    assert resumed(run, "phases.gan.steps=6") == 0
    text = (run / "recipe.yaml").read_text()
    assert "@1" not in text
    assert "lock:" not in text
    assert resolve(run / "recipe.yaml").digest == resolve(run / "recipe.lock.yaml").digest
    assert resolve(run / "recipe.lock.yaml").get("phases.gan.steps") == 6


def test_a_run_branches_into_another_folder_and_stays_as_it_is(run: Path, base: Path, tmp_path: Path) -> None:
    before = snapshot(run)
    assert resumed(run, "phases.gan.steps=7", out=tmp_path / "branch") == 0
    assert snapshot(run) == before
    assert steps_of(tmp_path / "branch", "gan") == [1, 2, 3, 4, 5, 6, 7]
    assert events_of(tmp_path / "branch", "branched")[0]["checkpoint"] == "gan-0000005"
    assert (tmp_path / "branch/checkpoints/gan-0000007").is_dir()


def test_a_branch_of_an_older_checkpoint_makes_the_same_steps(run: Path, base: Path, tmp_path: Path) -> None:
    before = snapshot(run)
    assert resumed(run / "checkpoints/gan-0000004", out=tmp_path / "branch") == 0
    assert snapshot(run) == before
    expected, found = weights_of(base, "gan-0000005"), weights_of(tmp_path / "branch", "gan-0000005")
    assert all(tensor.equal(found[name]) for name, tensor in expected.items())
    assert steps_of(tmp_path / "branch", "gan") == [1, 2, 3, 4, 5]


def test_a_branch_takes_no_folder_that_is_a_run(run: Path, base: Path, capsys: Shown) -> None:
    before = snapshot(run)
    assert resumed(base, out=run) == 1
    assert "error[run-exists]" in capsys.readouterr().err
    assert snapshot(run) == before


def test_a_wrong_override_makes_no_branch(run: Path, tmp_path: Path, capsys: Shown) -> None:
    assert resumed(run, "phases.gan.step=7", out=tmp_path / "branch") == 1
    assert "error[unknown-key]" in capsys.readouterr().err
    assert not (tmp_path / "branch").exists()


def test_an_older_checkpoint_is_not_resumed_in_place(run: Path, capsys: Shown) -> None:
    before = snapshot(run)
    assert resumed(run / "checkpoints/gan-0000004") == 1
    shown = capsys.readouterr().err
    assert "error[checkpoint-not-newest]" in shown
    assert f"next: attnforge train --resume {run}/checkpoints/gan-0000004 --out FOLDER" in shown
    assert snapshot(run) == before
    assert resumed(run / "checkpoints/gan-0000005", "phases.gan.steps=6") == 0
    assert not (run / "checkpoints/gan-0000005/checkpoints").exists()


@pytest.mark.parametrize("command", ["sample", "eval", "report", "export"])
def test_a_checkpoint_s_path_means_that_checkpoint(
    run: Path, capsys: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    flip_last_bit(run / "checkpoints/gan-0000005/generator.safetensors")  # would be told if it were looked at
    place = str(run / "checkpoints/gan-0000004")
    arguments = {
        "sample": ["sample", place, "a red bird", "-n", "1"],
        "eval": ["eval", place, "evaluation.metrics={retrieval: r-precision}"],
        "report": ["report", place],
        "export": ["export", "attngan", place, "-o", "official"],
    }[command]
    code = attnforge(arguments)
    shown = capsys.readouterr()
    if command == "export":  # this run has other parts than AttnGAN's, which is found when it is loaded
        assert "error[no-official-counterpart]" in shown.err
    else:
        assert code == 0, shown.err
    assert "passed over" not in shown.err
    if command == "sample":
        assert (run / "generated/sheet.png").is_file()
    if command == "eval":
        assert "gan-0000004 of" in shown.out


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("rnu", "no-such-run", "run"),
        ("run/recipe.lock", "no-such-run", "run"),
        ("run/checkpoints", "not-a-run", "a part of run run"),
        ("run/metrics.jsonl", "not-a-run", "a part of run run"),
        ("run/checkpoints/gan-0000009", "no-such-checkpoint", "gan-0000005"),
        ("nothing", "not-a-run", "neither a recipe.lock.yaml nor checkpoints"),
    ],
)
@pytest.mark.parametrize("command", ["train --resume", "sample", "eval", "report", "encoders"])
def test_a_path_that_is_no_run_is_told_for_what_it_is(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Shown,
    path: str,
    code: str,
    said: str,
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nothing").mkdir()
    before = snapshot(tmp_path)
    arguments = {
        "sample": ["sample", path, "a red bird"],
        "encoders": ["train", "quickstart", *TINY, f"pretrained.encoders={path}", "--out", "new"],
    }.get(command, [*command.split(), path])
    if (command, path) == ("eval", "nothing"):
        said = "neither a run nor a folder of images"
    assert attnforge(arguments) == 1
    shown = capsys.readouterr().err
    assert f"error[{code}]" in shown
    assert said in shown
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("command", ["train --resume", "report", "encoders"])
def test_a_checkpoint_outside_of_its_run_is_told_for_what_it_is(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown, command: str
) -> None:
    """It can be sampled, since it has all that generates."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run / "checkpoints/gan-0000004", tmp_path / "lonely/gan-0000004")
    path = "lonely/gan-0000004"
    encoders = ["train", "quickstart", *TINY, f"pretrained.encoders={path}", "--out", "new"]
    assert attnforge(encoders if command == "encoders" else [*command.split(), path]) == 1
    shown = capsys.readouterr().err
    assert "error[not-a-run]" in shown
    assert "outside of its run" in shown
    assert attnforge(["sample", path, "a red bird", "-n", "1", "--out", "images"]) == 0


def test_a_run_is_no_recipe_and_a_mistyped_recipe_is_told_beside_runs(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    monkeypatch.chdir(tmp_path)
    assert attnforge(["train", "./run"]) == 1
    assert "next: attnforge train --resume run" in capsys.readouterr().err
    assert attnforge(["train", "--resume", "quickstrat"]) == 1
    assert "or the recipe `quickstart`" in capsys.readouterr().err


def test_encoders_of_a_run_are_those_of_the_phase_that_was_trained_last(
    tmp_path: Path, capsys: Shown
) -> None:
    matching = [
        *("data.count=24", "data.test_count=8", *TINY[2:6]),
        *("phases.damsm=null", "phases.gan=null", UNMEASURED),
        *(f"phases.{name}={{task: damsm, steps: 1, batch_size: 4}}" for name in ("zebra", "alpha", "most")),
    ]
    assert attnforge(["train", "quickstart", *matching, "--out", str(tmp_path / "trained")]) == 0
    capsys.readouterr()
    short = [*TINY, UNMEASURED, NO_SAMPLES, "phases.gan.steps=1"]
    for value, expected in (("trained", "most"), ("trained/checkpoints/alpha-0000001", "alpha")):
        out = tmp_path / f"taken-{expected}"
        assert (
            attnforge(
                ["train", "quickstart", *short, "--out", str(out), f"pretrained.encoders={tmp_path / value}"]
            )
            == 0
        )
        assert f"{expected}-0000001; skipping phase damsm" in capsys.readouterr().out
        source = weights_of(tmp_path / "trained", f"{expected}-0000001")
        taken = weights_of(out, "gan-0000001")
        assert all(tensor.equal(taken[name]) for name, tensor in source.items())
