"""The benchmark of the kernels: all compute the same, each figure is what it says, and files can be read."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import kernel_clocks
import kernel_measuring
import kernels
import pytest
import torch
from kernel_cases import ATTENTION, GAMMAS, MATCHING, Case, Inputs
from kernel_limits import Limits
from kernel_measuring import exact_results, measure
from kernel_memory import kept_for_backward, peak_of, training_memory
from kernel_providers import OFFICIAL, Provider, providers
from kernel_rooflines import MODES, Peaks, work_of
from kernel_rows import Row, about, lines_of, read_rows, write_rows
from torch import Tensor

from attnforge.kernels.region_matching import reference as matching
from attnforge.kernels.word_attention import reference as attention

SMALL = Case(
    operation=MATCHING, device=torch.device("cpu"), dtype=torch.float32, batch=3, queries=12, width=16
)
CASES = [
    SMALL,
    replace(SMALL, ragged=True),
    replace(SMALL, operation=ATTENTION),
    replace(SMALL, operation=ATTENTION, ragged=True, joined=True, channels_last=True),
]
PEAKS = Peaks(operations=1e11, bytes=1e10)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run what would be compiled as it stands: compiling takes a minute, and has a test of its own."""
    monkeypatch.setattr(torch, "compile", lambda function, dynamic: function)


def rows_of(case: Case, *, rounds: int = 2, **options: object) -> list[Row]:
    return measure(
        case,
        on=about("here"),
        peaks=lambda products: PEAKS,
        limits=Limits(),
        rounds=rounds,
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.usefixtures("not_compiled")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation}-{case.ragged}")
def test_all_providers_compute_the_same_and_all_rows_are_whole(case: Case) -> None:
    rows = rows_of(case)
    names = [provider.name for provider in providers(case)]
    assert [(row.mode, row.provider) for row in rows] == [(mode, name) for mode in MODES for name in names]
    measured = [row for row in rows if not row.note]
    assert {OFFICIAL, "vectorised", "torch.compile", "attnforge cpu", "attnforge reference"} <= {
        row.provider for row in measured if row.mode == "both"
    }
    for row in measured:
        rounded = row.provider.endswith("bfloat16 products")
        assert row.error is not None
        assert row.error < (0.2 if rounded else 2e-5), row.provider
        assert row.milliseconds_20 is not None
        assert row.milliseconds_80 is not None
        assert 0 < row.milliseconds_20 <= (row.milliseconds or 0) <= row.milliseconds_80
        assert row.ratio_20 is not None
        assert row.ratio_80 is not None
        assert 0 < row.ratio_20 <= (row.ratio or 0) <= row.ratio_80
        assert 0 < (row.roofline or 0) <= (row.roofline_padded or 0)
        assert (row.kept_megabytes is None) == (row.mode == "inference")
        assert row.rounds == 2
        assert row.clock == "processor"
    assert {row.ratio for row in measured if row.provider == OFFICIAL} == {1.0}
    assert len(lines_of(rows)) == len(rows) + 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation}-{case.ragged}")
def test_what_providers_are_compared_with_is_the_definition(case: Case) -> None:
    inputs = case.inputs()
    wide = inputs.on(case.device, torch.float64)
    if case.operation == MATCHING:
        result = matching.region_matching(wide.words, wide.asked, wide.lengths, **GAMMAS)
    else:
        result, _ = attention.word_attention(wide.asked, wide.words, wide.padding, join=case.joined)
    expected = [result, *torch.autograd.grad(result, wide.leaves, wide.pull)]
    for one, other in zip(exact_results(case, inputs), expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.long
@pytest.mark.parametrize("operation", [ATTENTION, MATCHING])
def test_what_is_compiled_computes_the_same(operation: str) -> None:
    rows = rows_of(replace(SMALL, operation=operation), named=["torch.compile", "FlexAttention"])
    errors = [row.error for row in rows if row.provider == "torch.compile"]
    assert all(error is not None and error < 1e-5 for error in errors)
    flexible = [row.error for row in rows if row.provider == "FlexAttention" and row.mode == "inference"]
    assert all(error is not None and error < 1e-5 for error in flexible)


def test_memory_is_what_is_known_of_a_simple_case() -> None:
    case = replace(SMALL, operation=ATTENTION, queries=4096, width=64, batch=4)
    inputs = case.inputs()
    own = inputs.asked.nbytes / 1e6

    def of_exponentials(given: Inputs) -> Tensor:
        return given.asked.exp() + given.words.sum()

    # Kept are the exponentials; with the result and the gradient of the features three maps are held.
    memory = training_memory(of_exponentials, inputs)
    assert memory.kept == memory.kept_beside_inputs == pytest.approx(own)
    assert memory.peak == pytest.approx(3 * own, rel=0.01)
    # Of a square, the input is kept, which was there before.
    assert kept_for_backward(lambda given: given.asked.square(), inputs) == (pytest.approx(own), 0)
    assert peak_of(lambda: None, case.device) == 0


def test_work_is_that_of_the_formulas() -> None:
    case = replace(SMALL, batch=48, queries=289, width=256, dtype=torch.bfloat16)
    work = work_of(case, "forward", [18] * 48)
    assert work.operations == 2 * 2 * 48 * 48 * 18 * 289 * 256
    assert work.padded_operations == 2 * 2 * 48 * 48 * 32 * 320 * 256
    assert work.bound(Peaks(operations=1e12, bytes=1e12)) == "operations"
    large = replace(case, operation=ATTENTION, batch=16, queries=16384, width=32)
    assert work_of(large, "forward", [18] * 16).bytes == 2 * 16 * 16384 * 32 * 2
    assert work_of(large, "both", [18] * 16).seconds(Peaks(operations=1e15, bytes=1e12)) == pytest.approx(
        83.9e-6, rel=1e-3
    )
    ragged = work_of(case, "forward", [3, 9, 16, 17])
    assert ragged.padded_operations == 2 * 2 * 48 * (16 + 16 + 16 + 32) * 320 * 256
    half = work_of(case, "both", [9] * 48).operations
    assert half == work_of(case, "both", [18] * 48).operations / 2


def test_a_provider_that_fails_or_cannot_run_has_a_row_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(inputs: Inputs) -> Tensor:
        raise ValueError("no such thing\nand more")

    def given(case: Case) -> list[Provider]:
        official = providers(case)[0]
        return [official, Provider(name="broken", run=fail), Provider(name="far", run=fail, refused="no GPU")]

    monkeypatch.setattr(kernel_measuring, "providers", given)
    rows = rows_of(SMALL)
    notes = {row.provider: row.note for row in rows}
    assert notes == {OFFICIAL: "", "broken": "failed: ValueError: no such thing", "far": "no GPU"}
    assert all(row.milliseconds is None and row.ratio is None for row in rows if row.note)
    assert any("no GPU" in line for line in lines_of(rows))


def test_a_provider_that_fails_later_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(100))

    def tire(inputs: Inputs) -> Tensor:
        if next(calls) > 6:
            raise torch.OutOfMemoryError("no room")
        return inputs.asked.mean() * inputs.words.mean() * torch.ones(3, 3)

    monkeypatch.setattr(kernel_measuring, "providers", lambda case: [Provider(name="tired", run=tire)])
    assert {row.note for row in rows_of(SMALL, rounds=50)} == {"out of memory"}


class Events:
    """Stands in for a GPU's events: every one that is recorded takes place a millisecond after the last."""

    now = 0.0

    def record(self) -> None:
        Events.now += 1.0
        self.at = Events.now

    def elapsed_time(self, other: Events) -> float:
        return other.at - self.at


def test_a_gpu_is_timed_by_events_after_its_cache_was_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(torch.cuda, "Event", lambda enable_timing: Events())
    monkeypatch.setattr(kernel_clocks, "FLUSHED", 8)
    clock = kernel_clocks.EventClock(SMALL.device)
    (official, *_) = providers(SMALL)
    turn = clock.train(official.run, SMALL.inputs())
    assert turn.own == {"forward": 1.0, "backward": 1.0, "both": 2.0}
    assert clock.infer(official.run, SMALL.inputs()).own == {"inference": 1.0}
    assert turn.wall == {}


def test_what_would_take_too_long_or_too_much_is_left_out() -> None:
    (official, *_) = providers(SMALL)
    memory = training_memory(official.run, SMALL.inputs())
    limits = Limits(slowest=10)
    assert limits.note(SMALL, official, 0.5, memory) == ((), "")
    assert limits.refuse(replace(SMALL, batch=6), official) == ""
    assert "a repetition would take about 50 s" in limits.refuse(replace(SMALL, batch=30), official)
    limits.note(SMALL, official, 1e-15, memory)
    assert "it would keep" in limits.refuse(replace(SMALL, batch=3_000_000), official)
    other = Provider(name="other", run=official.run, like=official.name)
    assert "it would keep" in limits.refuse(replace(SMALL, batch=3_000_000), other)
    modes, why = limits.note(SMALL, official, 11, memory)
    assert (modes, why) == (MODES, "skipped: a repetition takes 11 s")
    late = Limits(deadline=time.monotonic() - 1)
    assert late.refuse(SMALL, official) == "skipped: the time for the benchmark was up"


@pytest.mark.usefixtures("not_compiled")
def test_the_command_writes_a_table_and_an_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "--threads 1 --dtype float32 --batch 2 3 --sizes 16x16 --rounds 1 --seconds 0.05 --plot"
    chosen = ["--provider", "attnforge cpu", "vectorised", "--out", str(tmp_path), "--name", "here"]
    assert kernels.main([*arguments.split(), *chosen]) == 0
    printed = capsys.readouterr().out
    assert "word-attention, 2 x 16 x 16" in printed
    rows = read_rows(tmp_path / "kernels.csv")
    assert {(row.operation, row.batch) for row in rows} == {
        (operation, batch) for operation in (MATCHING, ATTENTION) for batch in (2, 3)
    }
    assert {row.device for row in rows} == {"here"}
    assert all(row.torch == torch.__version__ and row.python and row.milliseconds for row in rows)
    write_rows(tmp_path / "again.csv", rows)
    assert read_rows(tmp_path / "again.csv") == rows
    image = ElementTree.parse(tmp_path / "kernels.svg").getroot()
    texts = {"".join(element.itertext()) for element in image.iter() if element.tag.endswith("text")}
    assert {OFFICIAL, "vectorised", "attnforge cpu", "region matching: milliseconds"} <= texts


def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert kernels.main(["--device", "cuda"]) == 1
    assert capsys.readouterr().err == "no GPU is at hand\n"


def test_an_allocator_that_cannot_keep_memory_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kernels, "keep_freed_memory", lambda: False)
    assert kernels.main(["--keep-memory"]) == 1
    assert capsys.readouterr().err == "the system's allocator has no option to keep memory\n"
    assert about("here", keeping=True).allocator == "keeping"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Intel(R) Xeon(R) Processor", "xeon-2-cores"),
        ("AMD EPYC 7763 64-Core Processor", "epyc-7763-2-cores"),
        ("Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", "core-i7-8700-2-cores"),
    ],
)
def test_results_stand_under_the_processors_name(
    said: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "processor", lambda: said)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert kernels.device_name(torch.device("cpu")) == name


def test_sizes_are_two_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert kernels.size("4096x48") == (4096, 48)
    with pytest.raises(SystemExit):
        kernels.main(["--sizes", "large"])
    assert "invalid size value: 'large'" in capsys.readouterr().err
