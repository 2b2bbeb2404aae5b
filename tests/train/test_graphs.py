"""Recording of steps, with stand-ins for a GPU's streams and graphs: what is recorded when, and what not."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import torch
from torch import Tensor

from attnforge.train import graphs
from attnforge.train.graphs import MOST, SYNCHRONISING, WARM_UP, Replayed


class Gpu:
    """Counts what a GPU would be asked to do."""

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0
        self.watching = 0


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    made, stream = Gpu(), MagicMock(spec=torch.cuda.Stream)

    def replay() -> None:
        made.replayed += 1

    drawing = MagicMock(spec=torch.cuda.CUDAGraph)
    drawing.replay.side_effect = replay

    @contextmanager
    def record(graph: object, **options: object) -> Iterator[None]:
        assert options["capture_error_mode"] == "thread_local"
        yield
        made.recorded += 1

    @contextmanager
    def on(stream: object) -> Iterator[None]:
        yield

    def watch(mode: int | str) -> None:
        made.watching = {"warn": 1}.get(str(mode), 0)

    fakes = {
        "Stream": lambda device: stream,
        "current_stream": lambda device: stream,
        "set_stream": lambda stream: None,
        "stream": on,
        "graph": record,
        "CUDAGraph": lambda: drawing,
        "get_sync_debug_mode": lambda: made.watching,
        "set_sync_debug_mode": watch,
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    return made


class Step:
    """Counts how often Python makes it."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        self.made = 0
        self.places: list[Tensor] = []

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self.made += 1
        self.places.append(inputs["noise"])
        return {"sum": inputs["noise"].sum(), "most": inputs["noise"].max()}


class Waiting(Step):
    """Reads a number from the device in every step."""

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.gpu.watching:
            warnings.warn(f"{SYNCHRONISING} (Triggered internally)", stacklevel=1)
        return super().__call__(inputs)


class Unrecordable(Step):
    """Does something that only fails while it is recorded."""

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.made == WARM_UP:
            self.made += 1
            raise RuntimeError("operation not permitted\nwhen stream is capturing")
        return super().__call__(inputs)


def repeated(step: Step) -> Replayed:
    return Replayed(step, name="the step", device=torch.device("cpu"))


def repeat(run: Replayed, times: int) -> None:
    for _ in range(times):
        run(noise())


def noise(columns: int = 3, value: float = 1.0) -> dict[str, Tensor]:
    return {"noise": torch.full((2, columns), value)}


def test_the_first_steps_are_made_as_they_stand_and_then_one_is_recorded(gpu: Gpu) -> None:
    step = Step(gpu)
    run = repeated(step)
    for _ in range(WARM_UP):
        assert float(run(noise())["sum"]) == 6
    assert (step.made, gpu.recorded, gpu.replayed) == (WARM_UP, 0, 0)
    for _ in range(5):
        run(noise())
    assert (step.made, gpu.recorded, gpu.replayed) == (WARM_UP + 1, 1, 5)
    assert run.refused is None


def test_a_replay_reads_its_inputs_where_they_were_when_it_was_recorded(gpu: Gpu) -> None:
    step = Step(gpu)
    run = repeated(step)
    for _ in range(WARM_UP + 1):
        run(noise())
    place = step.places[-1]
    fresh = noise(value=4.0)
    given = run(fresh)
    assert torch.equal(place, fresh["noise"])
    assert place is not fresh["noise"]
    assert given.keys() == {"sum", "most"}


def test_results_outlive_the_next_replay(gpu: Gpu) -> None:
    run = repeated(Step(gpu))
    for _ in range(WARM_UP + 1):
        given = run(noise())
    before = {name: value.clone() for name, value in given.items()}
    recording = next(iter(run._recordings.values()))
    recording.results.fill_(-1)
    assert all(torch.equal(given[name], before[name]) for name in given)


def test_each_shape_has_a_recording_of_its_own_and_few_are_kept(gpu: Gpu) -> None:
    step = Step(gpu)
    run = repeated(step)
    for columns in range(1, MOST + 3):
        for _ in range(WARM_UP + 2):
            assert float(run(noise(columns))["most"]) == 1
    assert gpu.recorded == MOST
    made = step.made
    run(noise(MOST + 2))
    assert step.made == made + 1, "beyond that, steps are made as they stand"


def test_a_step_that_waits_for_the_gpu_is_not_recorded_and_said_once(gpu: Gpu) -> None:
    step = Waiting(gpu)
    run = repeated(step)
    with pytest.warns(UserWarning, match=r"the step cannot be recorded.*test_graphs\.py:\d+") as told:
        repeat(run, WARM_UP + 5)
    assert len(told) == 1
    assert (step.made, gpu.recorded) == (WARM_UP + 5, 0)
    assert gpu.watching == 0


def test_a_recording_that_fails_leaves_training_going(gpu: Gpu) -> None:
    step = Unrecordable(gpu)
    run = repeated(step)
    with pytest.warns(UserWarning, match="cannot be recorded, because RuntimeError: operation not permitted"):
        repeat(run, WARM_UP + 4)
    assert float(run(noise())["sum"]) == 6
    assert gpu.replayed == 0


def test_other_warnings_of_a_watched_step_are_passed_on(gpu: Gpu) -> None:
    class Warning_(Step):
        def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
            warnings.warn("something else", stacklevel=1)
            return super().__call__(inputs)

    run = repeated(Warning_(gpu))
    for _ in range(WARM_UP):
        with pytest.warns(UserWarning, match="something else"):
            run(noise())
    assert run.refused is None


def test_what_torch_says_of_waiting_is_what_is_looked_for() -> None:
    """Torch's own text, which stands in its libraries; it is the only sign of a wait that there is."""
    libraries = [*torch_libraries()]
    if not libraries:
        pytest.skip("this torch has no CUDA")
    assert any(SYNCHRONISING.encode() in one for one in libraries)
    assert graphs.WARM_UP >= 2, "the step that is watched must not be the first, which compiles"


def torch_libraries() -> Iterator[bytes]:
    for path in sorted((Path(torch.__file__).parent / "lib").glob("libc10_cuda*.so*")):
        yield path.read_bytes()
