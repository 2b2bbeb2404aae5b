"""The check on a GPU: its steps run on a processor, and its goals judge what was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gpu_check
import gpu_kernels
import gpu_quickstart
import gpu_tests
import pytest
import torch
from gpu_goals import Outcome, lines_of_goals, outcomes
from kernel_cases import ATTENTION, MATCHING
from kernel_providers import OFFICIAL
from kernel_rows import Row, read_rows

OWN = "attnforge triton"
MATCHED = Row(
    operation=MATCHING,
    mode="both",
    provider=OWN,
    device="here",
    threads=1,
    dtype="bfloat16",
    batch=48,
    queries=289,
    width=256,
    words=18,
)
ATTENDED = replace(MATCHED, operation=ATTENTION, batch=16, queries=16384, width=32, peak_gigabytes=3000.0)


def by_name(rows: list[Row]) -> dict[str, Outcome]:
    return {outcome.name: outcome for outcome in outcomes(rows)}


def test_a_dry_run_tests_measures_profiles_and_sums_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    test = tmp_path / "test_it.py"
    test.write_text("def test_it():\n    assert True\n")
    monkeypatch.setenv("OUT", str(tmp_path / "out"))
    options = ["--device", "cpu", "--small", "--part", "tests", "kernels", "--tests", str(test)]
    assert gpu_check.main([*options, "--commit", "abc"]) == 0
    printed = capfd.readouterr().out
    assert printed.strip().splitlines()[-1] == f"written to {tmp_path / 'out'}"
    rows = read_rows(tmp_path / "out" / "kernels.csv")
    assert {(row.operation, row.variant) for row in rows} == {
        (MATCHING, ""),
        (ATTENTION, ""),
        (ATTENTION, "joined"),
    }
    assert any(row.provider.startswith("attnforge") and row.ratio for row in rows)
    assert {row.commit for row in rows} == {"abc"}
    assert "attnforge::region_matching_backward" in (tmp_path / "out" / "profile.txt").read_text()
    assert "1 passed" in (tmp_path / "out" / "tests.log").read_text()
    assert (tmp_path / "out" / "summary.txt").read_text().count(": done (") == 2
    assert (tmp_path / "out" / "kernels.svg").read_text().startswith("<svg")


def test_a_part_that_breaks_is_named_and_the_next_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(given: object, out: Path, seconds: float) -> list[str]:
        raise OSError("no room")

    monkeypatch.setitem(gpu_check.PARTS, "tests", broken)
    monkeypatch.setitem(gpu_check.PARTS, "kernels", lambda given, out, seconds: [])
    options = ["--device", "cpu", "--part", "tests", "kernels", "--out", str(tmp_path)]
    assert gpu_check.main(options) == 1
    summary = (tmp_path / "summary.txt").read_text()
    assert "tests: tests was broken off: OSError: no room" in summary
    assert "kernels: done" in summary


def test_a_test_that_fails_or_takes_too_long_is_named(tmp_path: Path) -> None:
    wrong, slow = tmp_path / "test_wrong.py", tmp_path / "test_slow.py"
    wrong.write_text("def test_it():\n    assert False\n")
    slow.write_text("def test_it():\n    while True:\n        pass\n")
    assert gpu_tests.run_tests([wrong], tmp_path / "wrong.log", seconds=60)
    assert "1 failed" in (tmp_path / "wrong.log").read_text()
    assert gpu_tests.run_tests([slow], tmp_path / "slow.log", seconds=0.5)
    assert "stopped after" in (tmp_path / "slow.log").read_text()


def test_the_memory_checker_is_believed_only_with_its_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checker = tmp_path / "checker"
    monkeypatch.setattr(gpu_tests.shutil, "which", lambda name: str(checker))
    for script, right in (
        ("echo '========= ERROR SUMMARY: 0 errors'", True),
        ("echo '========= ERROR SUMMARY: 2 errors'; exit 3", False),
        ("exit 0", False),
    ):
        checker.write_text(f"#!/bin/sh\n{script}\n")
        checker.chmod(0o755)
        assert (gpu_tests.check_memory(tmp_path / "memcheck.log") == []) is right
    monkeypatch.setattr(gpu_tests.shutil, "which", lambda name: None)
    assert gpu_tests.check_memory(tmp_path / "memcheck.log") == []


def test_without_a_gpu_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_check.main([]) == 1
    assert capsys.readouterr().err == "no GPU is available: nothing was checked\n"


def test_what_is_measured_on_a_gpu_names_every_size_of_the_goals() -> None:
    cases = [task.case for task in gpu_kernels.large_tasks(torch.device("cuda"))]
    assert {case.batch for case in cases if case.operation == MATCHING} == {48, 256, 1024, 8192}
    half, whole = torch.bfloat16, torch.float32
    assert {(case.queries, case.width, case.dtype) for case in cases if case.operation == ATTENTION} == {
        (queries, width, dtype)
        for queries in (4096, 16384, 65536)
        for width in (32, 48)
        for dtype in (half, whole)
    }
    assert "gpu" in gpu_tests.kernel_tests()[0].name


def losses(factor: float = 1.0, drift: float = 0.0) -> dict[str, list[float]]:
    """Losses of a made-up run whose phases have 40 steps."""
    return {
        "damsm: matching": [factor * (17 - 0.1 * step + drift * step) for step in range(40)],
        "gan: G damsm": [factor * (12 + drift * step) for step in range(40)],
    }


@pytest.mark.parametrize(
    ("changed", "run", "problem"),
    [
        (losses(), "cuda", ""),
        (losses(1.03), "cuda", "cuda: damsm: matching differs by 3.0% in the first 20 steps"),
        (losses(1.03), "bf16", ""),
        (losses(1.06), "bf16", "bf16: damsm: matching differs by 6.0% in the first 20 steps"),
        (losses(drift=-0.015), "cuda", ""),
        (losses(drift=-0.15), "resumed", "resumed: the mean of gan: G damsm differs by"),
    ],
)
def test_runs_of_the_quickstart_are_held_to_distances(
    changed: dict[str, list[float]], run: str, problem: str
) -> None:
    runs = {name: losses() for name in ("cpu", "cuda", "bf16", "resumed")} | {run: changed}
    problems = gpu_quickstart.distances(runs, steps=40)
    assert (problems == []) is (problem == ""), problems
    assert not problem or problems[0].startswith(problem)


@pytest.mark.long
def test_a_small_quickstart_trains_resumes_and_is_compared(tmp_path: Path) -> None:
    gpu_quickstart.check_quickstart(tmp_path, device="cpu", seconds=200, small=True)
    for name in ("cpu", "cuda", "bf16", "resumed"):
        losses = gpu_quickstart.losses_of(tmp_path / "quickstart" / name)
        assert {len(values) for values in losses.values()} == {4}
    cpu, cuda, resumed = (
        gpu_quickstart.losses_of(tmp_path / "quickstart" / name) for name in ("cpu", "cuda", "resumed")
    )
    assert cuda == resumed
    assert cpu["damsm: matching"] == pytest.approx(cuda["damsm: matching"], rel=1e-3)


def test_nothing_measured_is_neither_met_nor_missed() -> None:
    found = outcomes([])
    assert {outcome.met for outcome in found} == {None}
    assert all(line.rstrip().endswith("not measured") for line in lines_of_goals(found)[1:])


@pytest.mark.parametrize(("ratio", "met"), [(60.0, True), (59.9, False)])
def test_a_ratio_is_that_of_the_best_own_kernel(ratio: float, met: bool) -> None:
    rows = [replace(MATCHED, ratio=ratio), replace(MATCHED, provider="attnforge torch", ratio=2.0)]
    rows.append(replace(MATCHED, provider="vectorised", ratio=99.0))
    assert by_name(rows)["matching 48 pairs, bfloat16, beside the official formulas"].met is met


@pytest.mark.parametrize(("share", "met"), [(0.5, True), (0.4, False)])
def test_padded_operations_are_held_to_the_peak(share: float, met: bool) -> None:
    rows = [replace(MATCHED, mode="forward", batch=1024, roofline_padded=share)]
    assert by_name(rows)["matching forward, bfloat16, of the peak, padded"].met is met


@pytest.mark.parametrize(("gigabytes", "found", "met"), [(20, "21.3 GB", True), (79, "80.3 GB", False)])
def test_memory_holds_the_inputs_too(gigabytes: int, found: str, met: bool) -> None:
    rows = [replace(MATCHED, batch=8192, peak_megabytes=1e3 * gigabytes)]
    outcome = by_name(rows)["matching 8192 pairs forward and backward, memory"]
    assert (outcome.found, outcome.met) == (found, met)


def test_the_worst_size_counts_of_word_attention() -> None:
    rows = []
    for queries, own, other, moved in ((16384, 1.0, 2.0, 2700.0), (65536, 4.0, 5.0, 2310.0)):
        size = replace(ATTENDED, mode="forward", queries=queries)
        rows.append(replace(size, milliseconds=own, gigabytes_per_second=moved))
        rows.append(replace(size, provider=OFFICIAL, milliseconds=other, gigabytes_per_second=100.0))
    small = replace(ATTENDED, mode="forward", queries=4096, milliseconds=9.0, gigabytes_per_second=1.0)
    found = by_name([*rows, small])
    bandwidth = found["attention forward, bfloat16, of the copy's bandwidth, at worst"]
    assert (bandwidth.found, bandwidth.met) == ("77%", False)
    margin = found["attention forward, beside the best of the others, at worst"]
    assert (margin.found, margin.met) == ("1.25 x", True)
