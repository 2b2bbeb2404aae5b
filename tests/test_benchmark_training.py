"""The benchmark of training: every provider runs, values are what their columns say, errors become notes."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
import torch
import training
import training_providers
from official_step import OfficialStep
from torch import nn
from training_games import Game, game_of
from training_measuring import peak_convolution, read_trace, times_of
from training_providers import OFFICIAL, Provider, providers
from training_rows import Row, lines_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def game() -> Game:
    return game_of("bird", small=True)


@pytest.mark.long
def test_all_ways_run_and_the_table_is_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "--small --steps 2 --seconds-each 0.1 --recipe bird --traces --name here --commit this"
    assert training.main([*arguments.split(), "--out", str(tmp_path)]) == 0
    assert "official float32" in capsys.readouterr().out
    with (tmp_path / "training.csv").open() as opened:
        rows = list(csv.DictReader(opened))
    trained = [row for row in rows if row["what"] == "training"]
    assert [row["provider"] for row in trained] == [one.name for one in providers(CPU)]
    for row in rows:
        assert row["note"] == "", row
        assert float(row["milliseconds"]) > 0
        assert float(row["images_per_second"]) > 0
        assert (row["device"], row["commit"], row["torch"]) == ("here", "this", torch.__version__)
    for row in trained:
        assert float(row["teraflop"]) > 0
        assert float(row["share_of_peak"]) > 0
        assert row["clock"] == "processor"
    assert {row["ratio"] for row in rows if row["provider"] == OFFICIAL} == {"1"}
    assert {row["what"] for row in rows} == {"training", "drawing", "to disk"}
    traces = sorted((tmp_path / "traces").glob("*.json.gz"))
    assert len(traces) == sum(one.profiled for one in providers(CPU))
    assert json.loads(gzip.decompress(traces[0].read_bytes()))["traceEvents"]


def test_the_official_step_trains_all_networks_and_its_average(game: Game) -> None:
    official = OfficialStep(game, CPU, autocast=False)
    networks = [official.generator, *official.discriminators]
    before = [[one.clone() for one in network.parameters()] for network in networks]
    averages = [one.clone() for one in official.averages]
    line = official.step(*game.official_samples(4, seed=0))
    assert "errD0" in line
    assert "w_loss" in line
    for network, weights in zip(networks, before, strict=True):
        moved = [not torch.equal(one, old) for one, old in zip(network.parameters(), weights, strict=True)]
        assert all(moved), "every weight learns"
    assert not all(torch.equal(one, old) for one, old in zip(official.averages, averages, strict=True))
    assert all(one.requires_grad for network in networks for one in network.parameters())


def test_the_official_networks_draw_what_ours_draw(game: Game) -> None:
    """The baseline computes the same images from the same weights, only in another way."""
    official = OfficialStep(game, CPU, autocast=False)
    ours = game.spec_on(CPU).generator
    assert isinstance(ours, nn.Module)
    samples = game.samples(4, seed=1)
    text = official._read(samples.tokens, samples.lengths)
    noise = torch.randn(4, official.noise)
    from official_step import sliced_gates

    torch.manual_seed(0)
    expected = ours.train()(noise, text).images[-1]
    torch.manual_seed(0)
    with sliced_gates():
        drawn = official.generator(noise, text).images[-1]
    torch.testing.assert_close(drawn, expected, rtol=1e-3, atol=1e-4)


def test_batches_are_ragged_full_and_the_same_every_time(game: Game) -> None:
    samples, again = game.samples(8, seed=3), game.samples(8, seed=3)
    assert torch.equal(samples.image, again.image)
    assert torch.equal(samples.tokens, again.tokens)
    assert 8 <= int(samples.lengths.min()) <= int(samples.lengths.max()) <= 18
    assert game.samples(8, seed=3, full_length=True).tokens.shape[1] == game.phase.max_words


@pytest.mark.long
def test_a_way_that_fails_has_a_row_that_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def begin(self: Provider, game: Game, device: torch.device, batch: int) -> object:
        raise ValueError("no such thing\nand more")

    monkeypatch.setattr(training_providers.Provider, "begin", begin)
    chosen = ["--small", "--without-drawing", "--out", str(tmp_path)]
    assert training.main(chosen) == 0
    with (tmp_path / "training.csv").open() as opened:
        notes = {row["note"] for row in csv.DictReader(opened)}
    assert notes == {"failed: ValueError: no such thing"}
    assert "no such thing" in capsys.readouterr().out


@pytest.mark.long
def test_what_is_late_is_left_out(tmp_path: Path) -> None:
    assert training.main(["--small", "--seconds", "0", "--out", str(tmp_path)]) == 0
    with (tmp_path / "training.csv").open() as opened:
        rows = list(csv.DictReader(opened))
    assert rows
    assert all("time for the benchmark was up" in row["note"] for row in rows)


def test_a_trace_tells_kernels_launches_and_own_share(tmp_path: Path) -> None:
    events = [
        {"cat": "kernel", "name": "attend", "dur": 30.0},
        {"cat": "kernel", "name": "sm90_xmma", "dur": 50.0},
        {"cat": "gpu_memcpy", "name": "Memcpy HtoD", "dur": 20.0},
        {"cat": "cuda_runtime", "name": "cudaLaunchKernel"},
        {"cat": "cuda_driver", "name": "cuLaunchKernelEx"},
        {"cat": "cuda_runtime", "name": "cudaGraphLaunch"},
        {"cat": "cuda_runtime", "name": "cudaStreamSynchronize"},
        {"cat": "cpu_op", "name": "aten::add", "dur": 5.0},
        {"name": "process_name"},
    ]
    path = tmp_path / "trace.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"traceEvents": events}).encode()))
    seen = read_trace(path)
    assert (seen.kernels, seen.launches) == (3, 3)
    assert seen.busy_milliseconds == pytest.approx(0.1)
    assert seen.triton_share == pytest.approx(0.3)


def test_steps_are_timed_a_few_times_at_least() -> None:
    made: list[int] = []
    taken = times_of(lambda: made.append(1), CPU, steps=10, seconds=0.0)
    assert taken.steps == len(made) == 3
    assert taken.low <= taken.middle <= taken.high
    assert peak_convolution(CPU, half=False, small=True) > 0


def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert training.main(["--device", "cuda"]) == 1
    assert capsys.readouterr().err == "no GPU is at hand\n"


def test_a_row_without_numbers_shows_its_note() -> None:
    row = Row(recipe="bird", what="training", provider="broken", device="here", batch=4, note="out of memory")
    assert "out of memory" in lines_of([row])[1]


def test_on_a_gpu_there_are_ways_with_graphs() -> None:
    names = [one.name for one in providers(torch.device("cuda"))]
    assert names[0] == OFFICIAL
    assert {"attnforge bf16 channels-last graphs", "attnforge float32 graphs"} <= set(names)
    assert not any("graphs" in one.name for one in providers(CPU))
