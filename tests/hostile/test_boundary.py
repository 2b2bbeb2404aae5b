"""What the machine does to a command is said with its cause, not its neighbour, and without a traceback."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import pickle
import resource
import shutil
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import torch
from attnforge_attngan.tokenizer import WordTokenizer
from commands import command, ended, rows, wait_until
from tiny_run import TINY, train_tiny

from attnforge.cli import run
from attnforge.cli.group import group
from attnforge.data.feeding.worker_signals import worker_error
from attnforge.errors import RunError
from attnforge.run.machine import problem_of
from attnforge.storage.checkpoints import saving as subject
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.manifest import read_manifest
from attnforge.storage.checkpoints.saving import prepare_checkpoint
from attnforge.storage.checkpoints.search import newest_checkpoint

Said = pytest.CaptureFixture[str]
RED = "a red bird"


def command_that_raises(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    @click.command()
    @click.argument("words", nargs=-1)
    def odd(words: tuple[str, ...]) -> None:
        raise error

    patch.setattr(type(group), "get_command", lambda *_: odd)


ERRORS: dict[str, tuple[Exception, str]] = {
    "full": (OSError(errno.ENOSPC, "No space left on device", "/runs/a/log.jsonl"), "disk-full"),
    "quota": (OSError(errno.EDQUOT, "Disk quota exceeded", "/runs/a/log.jsonl"), "disk-full"),
    "read-only": (OSError(errno.EROFS, "Read-only file system", "/runs/a"), "no-permission"),
    "permission": (PermissionError(errno.EACCES, "Permission denied", "/runs/a"), "no-permission"),
    "gone": (FileNotFoundError(errno.ENOENT, "No such file or directory", "/runs/a/x"), "file-not-there"),
    "many files": (OSError(errno.EMFILE, "Too many open files"), "system-limit"),
    "no fork": (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "system-limit"),
    "odd": (OSError(errno.ENOEXEC, "Exec format error"), "system-error"),
    "no number": (OSError("a library's own words"), "system-error"),
    "end of file": (OSError(errno.EIO, "Input/output error", "/runs/a"), "system-error"),
    "end of a pickle": (EOFError("Ran out of input"), "system-error"),
    "memory": (MemoryError(), "out-of-memory"),
    "no memory for a fork": (OSError(errno.ENOMEM, "Cannot allocate memory"), "out-of-memory"),
    "memory of torch": (
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you "
            "tried to allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)"
        ),
        "out-of-memory",
    ),
    "memory of a GPU": (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."),
        "out-of-memory",
    ),
    "killed worker": (
        RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
        "worker-killed",
    ),
    "ended workers": (RuntimeError("DataLoader worker (pid(s) 7, 8) exited unexpectedly"), "worker-killed"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_of_the_machine_has_a_code_a_cause_and_a_next_command(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    error, code = ERRORS[name]
    error.add_note("while building generator")
    command_that_raises(monkeypatch, error)
    assert run(["train"]) == 1
    shown = capsys.readouterr().err
    assert f"error[{code}]" in shown
    assert "  next: " in shown
    assert "while building generator" in shown
    assert isinstance(error, RuntimeError) or (error.args[-1] if error.args else "memory") in shown
    assert "Traceback" not in shown


def test_an_error_of_the_code_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (ValueError("a bug"), RuntimeError("another"), KeyError("x")):
        assert problem_of(error) is None
        command_that_raises(monkeypatch, error)
        with pytest.raises(type(error)):
            run(["train"])


@pytest.mark.parametrize("error", [MemoryError(), EOFError("Ran out of input")])
def test_the_traceback_can_be_asked_for(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNFORGE_TRACEBACK", "1")
    command_that_raises(monkeypatch, error)
    with pytest.raises(type(error)):  # an end of file is no interrupt, for which click takes it
        run(["train"])


def test_memory_that_torch_does_not_get(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    problem = problem_of(caught.value)
    assert problem is not None
    assert problem.code == "out-of-memory"


QUIET = ("evaluation.metrics={attributes: null, retrieval: null}", "training.device=cpu")


def test_a_worker_that_is_killed_is_named(tmp_path: Path) -> None:
    words = ["train", "quickstart", *TINY, *QUIET, "phases.gan.steps=100000", "training.workers=1"]
    with command(*words, "--out", "run", folder=tmp_path) as process:
        wait_until(lambda: len(rows(tmp_path / "run")) > 4, process)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        code, _, err = ended(process)
    assert code == 1
    assert "error[worker-killed]" in err
    assert "a data loading worker ended with SIGKILL" in err
    assert "plugin" not in err  # in whose hook the training process may have been
    assert "Traceback" not in err


@pytest.mark.parametrize("error", [EOFError(), ConnectionResetError(errno.ECONNRESET, "reset by peer")])
def test_a_connection_that_broke_is_the_death_of_its_worker(error: Exception) -> None:
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=_die_soon), fork.Process(target=time.sleep, args=(60,))]
    for worker in workers:
        worker.start()
    death = worker_error(error, workers)
    workers[1].kill()
    assert death is not None
    problem = problem_of(death)
    assert problem is not None
    assert problem.code == "worker-killed"
    assert death.__notes__ == ["a data loading worker ended with SIGKILL"]


def test_an_error_while_all_workers_live_is_their_own() -> None:
    assert worker_error(RuntimeError("Too many open files"), []) is None


def _die_soon() -> None:
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_disk_that_is_full_is_the_cause_of_no_other_error(tmp_path: Path) -> None:
    network = torch.nn.Linear(400, 400)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 400)).sum().backward()
    optimizer.step()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    problems = {}
    for size in (50_000, 800_000):  # too small for the weights; too small for the optimizer's state
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            with pytest.raises(RunError) as caught:
                _save(tmp_path, network, optimizer)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        problems[size] = caught.value.problems[0]
    assert all(problem.code == "checkpoint-not-written" for problem in problems.values())
    assert all("too large" in problem.message for problem in problems.values())


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DataLoader worker (pid 7) is killed by signal: Terminated. "),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        KeyboardInterrupt(),
    ],
)
def test_what_is_no_error_of_the_disk_is_not_said_of_it(
    tmp_path: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(*_: object, **__: object) -> None:
        raise error

    network = torch.nn.Linear(2, 2)
    monkeypatch.setattr(subject, "save_file", raising)
    with pytest.raises(type(error)):
        _save(tmp_path, network, torch.optim.Adam(network.parameters()))
    assert list(tmp_path.iterdir()) == []


def _save(folder: Path, network: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Path:
    return prepare_checkpoint(
        folder,
        phase="gan",
        step=1,
        networks={"generator": network},
        optimizers={"generator": optimizer},
        tokenizer=_words(),
    ).write()


def _words() -> WordTokenizer:
    tokenizer = WordTokenizer()
    tokenizer.fit(["a red bird"] * 9)
    return tokenizer


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "tiny"
    assert train_tiny(path, "phases.damsm.steps=1", "phases.gan.steps=1", *QUIET).finished
    return path


class Trap:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, ("sprung",)


LYING = json.dumps({"x": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
FILES: dict[str, tuple[str, bytes]] = {
    "weights that lie": ("generator*.safetensors", struct.pack("<Q", len(LYING)) + LYING),
    "weights without end": ("generator*.safetensors", struct.pack("<Q", 2**60) + b"{}"),
    "weights of nothing": ("generator*.safetensors", b""),
    "optimizers with code": ("optimizers.pt", pickle.dumps(Trap())),
    "optimizers of words": ("optimizers.pt", b"words"),
    "optimizers of nothing": ("optimizers.pt", b""),
    "a tokenizer that is a list": ("tokenizer.json", b"[1, 2]"),
    "a tokenizer without words": ("tokenizer.json", b"{}"),
    "a tokenizer that is no text": ("tokenizer.json", b"\xff\xfe"),
    "a tokenizer that is deep": ("tokenizer.json", b"[" * 100_000),
}


@pytest.mark.parametrize("name", FILES)
def test_a_strangers_checkpoint_ends_in_a_problem_with_the_file(
    name: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pattern, content = FILES[name]
    folder = Path(shutil.copytree(trained, tmp_path / "run")) / "checkpoints" / "gan-0000001"
    for file in folder.glob(pattern):
        file.write_bytes(content)
    checkpoint = Checkpoint(folder, read_manifest(folder))  # as if its digests agreed
    network = torch.nn.Linear(1, 1)
    optimizer = torch.optim.Adam(network.parameters())
    loads: dict[str, Callable[[], object]] = {
        "optimizers.pt": lambda: checkpoint.load_optimizers({"generator": optimizer}),
        "tokenizer.json": lambda: checkpoint.load_tokenizer(WordTokenizer()),
        "generator*.safetensors": lambda: checkpoint.load_network("generator", network),
    }
    with pytest.raises(RunError) as caught:
        loads[pattern]()
    (problem,) = caught.value.problems
    assert problem.code in ("checkpoint-unreadable", "vocabulary-state")
    if problem.code == "checkpoint-unreadable":
        assert problem.place is not None
        assert Path(problem.place.source).match(pattern)
    assert "weights_only" not in str(problem)
    assert not (tmp_path / "sprung").exists()


def test_a_checkpoint_that_is_removed_while_it_is_read(trained: Path, tmp_path: Path) -> None:
    run_folder = Path(shutil.copytree(trained, tmp_path / "run"))
    checkpoint = newest_checkpoint(run_folder / "checkpoints", phases=["gan"]).checkpoint
    assert checkpoint is not None
    shutil.rmtree(checkpoint.folder)
    with pytest.raises(RunError) as caught:
        checkpoint.load_network("generator", torch.nn.Linear(1, 1))
    assert caught.value.problems[0].code == "checkpoint-gone"
