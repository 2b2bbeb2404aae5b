"""Runs of several processes: what one of them suffers, the others survive or report once."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from pathlib import Path

import click
import pytest
import torch
from attnforge_attngan.tasks.matching import MatchingTask
from commands import command, ended, rows, saved_steps, wait_until
from endless_run import LONG, begun, saved_last_step
from process_group import processes
from tiny_run import TINY, shared_tiny, tiny
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from attnforge.build import assemble
from attnforge.cli import run as attnforge
from attnforge.cli.launched import agent_log, explained
from attnforge.compute.meeting import for_processes, met
from attnforge.compute.member import Member, train_command
from attnforge.errors import Problem, RecipeError, RunError
from attnforge.run.stop import LAUNCHER, StopSignal
from attnforge.run.tasks import refuse_indivisible

SHORT = (
    "train",
    "quickstart",
    *TINY,
    "training.device=cpu",
    "evaluation.metrics={retrieval: null}",
    "--out",
    "run",
)


def test_two_processes_train_the_run_of_one(tmp_path: Path) -> None:
    with processes(*SHORT, folder=tmp_path) as both:
        (code, out, err), (other_code, other_out, other_err) = map(ended, both)
    assert (code, other_code) == (0, 0), err + other_err
    assert "training in 2 processes" in out
    assert other_out == ""
    assert saved_steps(tmp_path / "run")[-1] == 5
    assert (tmp_path / "run/result.json").is_file()
    assert [row["step"] for row in rows(tmp_path / "run") if row["phase"] == "gan"] == [1, 2, 3, 4, 5]


def test_a_signal_to_one_process_stops_and_saves_all(tmp_path: Path) -> None:
    with processes(*LONG, folder=tmp_path) as (first, second):
        wait_until(lambda: begun(tmp_path / "run"), first)
        second.send_signal(signal.SIGTERM)
        code, out, err = ended(first)
        other, _, other_err = ended(second)
    assert (code, other) == (128 + signal.SIGTERM,) * 2
    assert "attnforge launch --processes 2 train --resume run" in out
    assert err + other_err == ""
    assert saved_last_step(tmp_path / "run")


def test_an_error_of_all_is_printed_once(tmp_path: Path) -> None:
    with processes(*SHORT, "phases.gan.batch_size=1", folder=tmp_path) as both:
        results = [ended(process) for process in both]
    assert [code for code, _, _ in results] == [1, 1]
    printed = "".join(err for _, _, err in results)
    assert printed.count("indivisible-batch") == 1
    assert not (tmp_path / "run").exists()


def test_an_error_before_they_join_is_printed_once(tmp_path: Path) -> None:
    with processes(*SHORT, "training.precision=fp8", folder=tmp_path) as both:
        results = [ended(process) for process in both]
    assert [code for code, _, _ in results] == [1, 1]
    assert "".join(err for _, _, err in results).count("error[bad-value]") == 1


@pytest.mark.long
def test_a_branch_is_made_by_one_of_them(tmp_path: Path) -> None:
    """Another process would find the folder in use, or holding a run."""
    run = shared_tiny(tmp_path, "short", "evaluation.metrics={attributes: null, retrieval: null}")
    resume = ("train", "--resume", str(run), "phases.gan.steps=6", "--out", "branch")
    with processes(*resume, folder=tmp_path) as both:
        results = [ended(process) for process in both]
    assert [code for code, _, _ in results] == [0, 0], results
    assert saved_steps(tmp_path / "branch")[-1] == 6
    with processes(*resume, folder=tmp_path) as both:
        printed = "".join(ended(process)[2] for process in both)
    assert printed.count("error[run-exists]") == 1
    assert "next: attnforge launch --processes 2 train --resume branch" in printed


@pytest.mark.long
def test_a_run_resumes_with_another_number_of_processes(tmp_path: Path) -> None:
    """One, then two, then one: each makes the steps that the other would have made.

    Statistics of a batch are those of all processes, and nothing draws noise of its own in each.
    """
    start = tmp_path / "run"
    assert (
        attnforge([*SHORT[:-1], str(start), "generator.norm=synchronised", "losses.damsm.image_noise=0"]) == 0
    )
    for before, steps in ((start, 8), (tmp_path / "two-8", 11)):
        resume = ("train", "--resume", str(before), f"phases.gan.steps={steps}", "--out")
        assert attnforge([*resume, str(tmp_path / f"one-{steps}")]) == 0
        with processes(*resume, f"two-{steps}", folder=tmp_path) as both:
            results = [ended(process) for process in both]
        assert [code for code, _, _ in results] == [0, 0], results
        new = {
            name: [row for row in rows(tmp_path / f"{name}-{steps}") if row["step"] > steps - 3]
            for name in ("one", "two")
        }
        assert [row["step"] for row in new["one"]] == [steps - 2, steps - 1, steps]
        for one, two in zip(new["one"], new["two"], strict=True):
            losses = {name: value for name, value in one.items() if name.startswith(("D ", "G "))}
            assert losses
            assert {name: two[name] for name in losses} == pytest.approx(losses, rel=1e-3)


def test_another_recipe_in_one_of_them_is_refused(tmp_path: Path) -> None:
    seeds = {rank: [f"training.seed={rank + 1}"] for rank in range(2)}
    with processes(*SHORT, folder=tmp_path, further=seeds) as both:
        printed = "".join(ended(process)[2] for process in both)
    assert printed.count("error[processes-differ]") == 1
    assert "recipe" in printed


@pytest.mark.long
@pytest.mark.parametrize("rank", [0, 1])
def test_launch_restarts_all_when_one_is_killed(tmp_path: Path, rank: int) -> None:
    run = tmp_path / "run"
    launch = ("launch", "--processes", "2", "--restarts", "2", *SHORT, "phases.gan.steps=60")
    with command(*launch, folder=tmp_path) as process:
        wait_until(lambda: begun(run), process)
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True
        )
        children = sorted(map(int, listed.stdout.split()))
        os.kill(children[rank], signal.SIGKILL)
        code, out, err = ended(process)
    assert code == 0, err
    assert f"warning: process {rank} was killed by SIGKILL; starting all processes again, 1 of 2" in err
    assert "torch" not in err
    assert "resuming phase gan" in out
    assert saved_steps(run)[-1] == 60


@pytest.mark.long
def test_an_error_of_the_first_process_is_all_that_launch_prints(tmp_path: Path) -> None:
    """The others lose the connection, of which torch would print a trace."""
    (tmp_path / "run").write_text("a file")
    with command("launch", "--processes", "2", *SHORT, folder=tmp_path) as process:
        code, _, err = ended(process)
    assert code == 1
    lines = err.splitlines()
    assert lines[0].startswith("error[run-not-written]: run cannot be written")
    assert lines[-1] == "  in process 0 of 2"
    assert len(lines) == 4


def test_variables_that_contradict_one_another_are_refused() -> None:
    with pytest.raises(RunError) as caught:
        Member.of({"RANK": "2", "WORLD_SIZE": "2"})
    assert caught.value.problems[0].code == "bad-environment"


def test_slurm_starts_processes_too() -> None:
    step = {"SLURM_PROCID": "3", "SLURM_NTASKS": "4", "SLURM_LOCALID": "1", "SLURM_STEP_ID": "0"}
    assert Member.of(step) == Member(rank=3, world_size=4, local_rank=1)
    assert Member.of({**step, "SLURM_JOB_NAME": "bash"}) == Member()
    del step["SLURM_STEP_ID"]
    assert Member.of(step) == Member()


def test_next_commands_start_as_many_processes() -> None:
    first = Member(rank=0, world_size=4)
    assert train_command(Member(), {}) == "attnforge train"
    assert train_command(first, {"SLURM_PROCID": "0"}) == "srun attnforge train"
    machine = {"RANK": "0", "LOCAL_WORLD_SIZE": "4"}
    assert train_command(first, machine) == "attnforge launch --processes 4 train"
    several = "attnforge launch --processes 2 --machines 2 --meet HOST:PORT train"
    assert train_command(first, {**machine, "LOCAL_WORLD_SIZE": "2"}) == several
    error = RunError(
        [Problem("a", "b", next_step=step) for step in ("attnforge train --resume run", "ls", None)]
    )
    error.add_note("a note")
    translated = for_processes(error, "srun attnforge train")
    steps = [problem.next_step for problem in translated.problems]
    assert steps == ["srun attnforge train --resume run", "ls", None]
    assert isinstance(translated, RunError)
    assert translated.__notes__ == ["a note"]


def test_processes_stop_when_their_launcher_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LAUNCHER, str(os.getppid()))
    assert not StopSignal().requested
    monkeypatch.setenv(LAUNCHER, str(os.getpid()))  # which is not the parent of this process
    stop = StopSignal()
    assert stop.requested
    assert stop.exit_code == 128 + signal.SIGTERM


def test_the_agent_logs_nothing_but_restarts(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("torch.distributed.elastic.multiprocessing.api")
    failed = "failed (exitcode: %s) local_rank: %s (pid: %s) of binary: %s"
    with agent_log(restarts=1):
        logger.warning("Sending process %s closing signal %s", 7, "SIGTERM")
        logger.error(failed, -9, 1, 7, "python")
        logger.error(failed, 1, 0, 7, "python")  # the command ends, and says so
    expected = "warning: process 1 was killed by SIGKILL; starting all processes again, 1 of 1 times\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("arguments", [("sample", "run", "a bird"), ("train", "quickstart", "--dry-run")])
def test_launch_trains_and_nothing_else(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert attnforge(["launch", "--processes", "2", *arguments]) == 2
    assert "Error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("meet", "code", "text"),
    [("there", 2, "is not HOST:PORT"), ("no-such-host.invalid:29500", 1, "error[processes-not-joined]")],
)
def test_machines_that_cannot_meet_are_refused_at_once(
    meet: str, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = ["launch", "--processes", "2", "--machines", "2", "--meet", meet, "train", "quickstart"]
    assert attnforge(launch) == code
    assert text in capsys.readouterr().err


def test_launch_needs_a_number_of_processes_without_gpus(capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert attnforge(["launch", "train", "quickstart"]) == 1
    assert "no-process-count" in capsys.readouterr().err


def test_launch_refuses_a_recipe_before_it_starts_processes(capsys: pytest.CaptureFixture[str]) -> None:
    launch = ["launch", "--processes", "3", "train", "quickstart"]
    assert attnforge([*launch, "phases.gan.batch_size=16"]) == 1
    assert "indivisible-batch" in capsys.readouterr().err
    assert attnforge([*launch, "generator.chanels=3"]) == 1
    assert "unknown-key" in capsys.readouterr().err


def test_launch_refuses_to_resume_what_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = shared_tiny(tmp_path, "short", "evaluation.metrics={attributes: null, retrieval: null}")
    before = sorted(path.name for path in run.iterdir())
    launch = ["launch", "--processes", "3", "train", "--resume", str(run)]
    assert attnforge(launch) == 1
    printed = capsys.readouterr().err
    assert "indivisible-batch" in printed
    assert "next: attnforge launch --processes 3 train RECIPE phases.gan.batch_size=3" in printed
    assert attnforge([*launch, "training.precision=fp8"]) == 1
    assert "bad-value" in capsys.readouterr().err
    assert sorted(path.name for path in run.iterdir()) == before


def test_micro_batches_that_do_not_divide_a_share_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        refuse_indivisible(assemble(tiny("training.micro_batch_size=3")), 1)
    assert {problem.code for problem in caught.value.problems} == {"indivisible-batch"}


def test_a_task_for_one_process_is_refused_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(MatchingTask, "distributed")
    with pytest.raises(RecipeError) as caught:
        refuse_indivisible(assemble(tiny()), 2)
    assert [problem.code for problem in caught.value.problems] == ["one-process-task"]


def test_another_address_is_not_joined() -> None:
    """Nobody listens at this port of the machine itself."""
    own = Member(rank=1, world_size=2)
    environment = {"MASTER_ADDR": "localhost", "MASTER_PORT": "9"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(RunError) as caught, met(own, timeout_seconds=2):
            pass
    assert caught.value.problems[0].code == "processes-not-joined"


def test_a_process_that_was_killed_is_named() -> None:
    killed = ProcessFailure(local_rank=1, pid=7, exitcode=-signal.SIGKILL, error_file="")
    error = explained(
        ChildFailedError("attnforge", {1: killed}),
        processes=2,
        next_step="attnforge launch train --resume run",
    )
    assert isinstance(error, RunError)
    assert error.problems[0].code == "process-killed"
    assert "process 1 of 2" in error.problems[0].message
    assert "SIGKILL" in error.problems[0].message


def test_a_process_that_failed_has_said_why() -> None:
    failed = ProcessFailure(local_rank=0, pid=7, exitcode=1, error_file="")
    error = explained(ChildFailedError("attnforge", {0: failed}), processes=2, next_step="")
    assert isinstance(error, click.exceptions.Exit)
    assert error.exit_code == 1
