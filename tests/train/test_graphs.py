"""Capture of steps, with stand-ins for a GPU's streams and graphs: what is captured when, and what not."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import torch
from torch import Tensor

from attnforge.compute import graphs
from attnforge.compute.graphs import MAX_GRAPHS, SYNCHRONIZATION_WARNING, WARM_UP_STEPS, GraphedStep


class Gpu:
    """Counts what a GPU would be asked to do."""

    def __init__(self) -> None:
        self.captured = 0
        self.replayed = 0
        self.watching = 0


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    made, stream = Gpu(), MagicMock(spec=torch.cuda.Stream)

    def replay() -> None:
        made.replayed += 1

    graph = MagicMock(spec=torch.cuda.CUDAGraph)
    graph.replay.side_effect = replay

    @contextmanager
    def capture(graph: object, **options: object) -> Iterator[None]:
        assert options["capture_error_mode"] == "thread_local"
        yield
        made.captured += 1

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
        "graph": capture,
        "CUDAGraph": lambda: graph,
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
            warnings.warn(f"{SYNCHRONIZATION_WARNING} (Triggered internally)", stacklevel=1)
        return super().__call__(inputs)


class Uncapturable(Step):
    """Does something that only fails while it is captured."""

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.made == WARM_UP_STEPS:
            self.made += 1
            raise RuntimeError("operation not permitted\nwhen stream is capturing")
        return super().__call__(inputs)


def graphed(step: Step) -> GraphedStep:
    return GraphedStep(step, name="the step", device=torch.device("cpu"))


def run_steps(run: GraphedStep, times: int) -> None:
    for _ in range(times):
        run(noise())


def noise(columns: int = 3, value: float = 1.0) -> dict[str, Tensor]:
    return {"noise": torch.full((2, columns), value)}


def test_the_first_steps_run_eagerly_and_then_one_is_captured(gpu: Gpu) -> None:
    step = Step(gpu)
    run = graphed(step)
    for _ in range(WARM_UP_STEPS):
        assert float(run(noise())["sum"]) == 6
    assert (step.made, gpu.captured, gpu.replayed) == (WARM_UP_STEPS, 0, 0)
    for _ in range(5):
        run(noise())
    assert (step.made, gpu.captured, gpu.replayed) == (WARM_UP_STEPS + 1, 1, 5)
    assert run.refusal is None


def test_a_replay_reads_its_inputs_where_they_were_when_it_was_captured(gpu: Gpu) -> None:
    step = Step(gpu)
    run = graphed(step)
    for _ in range(WARM_UP_STEPS + 1):
        run(noise())
    place = step.places[-1]
    fresh = noise(value=4.0)
    given = run(fresh)
    assert torch.equal(place, fresh["noise"])
    assert place is not fresh["noise"]
    assert given.keys() == {"sum", "most"}


def test_results_outlive_the_next_replay(gpu: Gpu) -> None:
    run = graphed(Step(gpu))
    for _ in range(WARM_UP_STEPS + 1):
        given = run(noise())
    before = {name: value.clone() for name, value in given.items()}
    captured = next(iter(run._graphs.values()))
    captured.outputs.fill_(-1)
    assert all(torch.equal(given[name], before[name]) for name in given)


def test_each_shape_has_a_graph_of_its_own_and_few_are_kept(gpu: Gpu) -> None:
    step = Step(gpu)
    run = graphed(step)
    for columns in range(1, MAX_GRAPHS + 3):
        for _ in range(WARM_UP_STEPS + 2):
            assert float(run(noise(columns))["most"]) == 1
    assert gpu.captured == MAX_GRAPHS
    made = step.made
    run(noise(MAX_GRAPHS + 2))
    assert step.made == made + 1, "beyond that, steps run eagerly"


def test_a_step_that_waits_for_the_gpu_is_not_captured_and_warned_of_once(gpu: Gpu) -> None:
    step = Waiting(gpu)
    run = graphed(step)
    with pytest.warns(UserWarning, match=r"the step cannot be captured.*test_graphs\.py:\d+") as caught:
        run_steps(run, WARM_UP_STEPS + 5)
    assert len(caught) == 1
    assert (step.made, gpu.captured) == (WARM_UP_STEPS + 5, 0)
    assert gpu.watching == 0


def test_a_capture_that_fails_leaves_training_going(gpu: Gpu) -> None:
    step = Uncapturable(gpu)
    run = graphed(step)
    with pytest.warns(UserWarning, match="cannot be captured: RuntimeError: operation not permitted"):
        run_steps(run, WARM_UP_STEPS + 4)
    assert float(run(noise())["sum"]) == 6
    assert gpu.replayed == 0


def test_other_warnings_of_a_watched_step_are_passed_on(gpu: Gpu) -> None:
    class Warning_(Step):
        def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
            warnings.warn("something else", stacklevel=1)
            return super().__call__(inputs)

    run = graphed(Warning_(gpu))
    for _ in range(WARM_UP_STEPS):
        with pytest.warns(UserWarning, match="something else"):
            run(noise())
    assert run.refusal is None


def test_what_torch_says_of_waiting_is_what_is_looked_for() -> None:
    """Torch's own text, which stands in its libraries; it is the only sign of a wait that there is."""
    libraries = [*torch_libraries()]
    if not libraries:
        pytest.skip("this torch has no CUDA")
    assert any(SYNCHRONIZATION_WARNING.encode() in one for one in libraries)
    assert graphs.WARM_UP_STEPS >= 2, "the step that is watched must not be the first, which compiles"


def torch_libraries() -> Iterator[bytes]:
    for path in sorted((Path(torch.__file__).parent / "lib").glob("libc10_cuda*.so*")):
        yield path.read_bytes()
