"""A step as a CUDA graph: recorded once, then replayed with one launch instead of thousands.

A recorded step runs without Python, so nothing of it may depend on numbers that the host reads. Some steps
are made as they stand first: they are ordinary steps of training, in which kernels are compiled and optimizer
states come to be. The last of them is watched. Where something in it waits for the GPU, the step cannot be
recorded, which is said once, and training goes on without a graph.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Played = dict[str, Tensor]
"""Named scalars of a step."""
Key = tuple[tuple[str, tuple[int, ...], torch.dtype], ...]
"""Names, shapes and types of a step's inputs."""
WARM_UP = 3
"""Steps of the same shapes before one is recorded."""
MOST = 4
"""Graphs that are kept; each holds the memory of a whole step."""
SYNCHRONISING = "called a synchronizing CUDA operation"


@dataclass(frozen=True, slots=True)
class Recording:
    """A graph with the places that it reads its inputs from and writes its results to."""

    graph: torch.cuda.CUDAGraph
    inputs: Mapping[str, Tensor]
    names: tuple[str, ...]
    """Names of the results."""
    results: Tensor
    """All results in one tensor, overwritten by every replay."""

    def replay(self, inputs: Mapping[str, Tensor]) -> Played:
        """One step; random numbers are those that the same step would have drawn without a graph."""
        for name, place in self.inputs.items():
            place.copy_(inputs[name], non_blocking=True)
        self.graph.replay()
        return dict(zip(self.names, self.results.clone().unbind(), strict=True))


class Replayed:
    """Calls a function of named tensors, from a recording as soon as there is one for their shapes.

    Args:
        play: The function; it gives named scalars.
        name: What messages call it.
        device: The GPU.
    """

    def __init__(
        self, play: Callable[[Mapping[str, Tensor]], Played], *, name: str, device: torch.device
    ) -> None:
        self._play = play
        self._name = name
        self._device = device
        self._calls: Counter[Key] = Counter()
        self._recordings: dict[Key, Recording] = {}
        self._stream: torch.cuda.Stream | None = None
        self.refused: str | None = None
        """Why nothing is recorded any more, or None."""

    def __call__(self, inputs: Mapping[str, Tensor]) -> Played:
        key = tuple((name, tuple(value.shape), value.dtype) for name, value in inputs.items())
        if recording := self._recordings.get(key):
            return recording.replay(inputs)
        self._calls[key] += 1
        calls = self._calls[key]
        if self.refused is not None or len(self._recordings) >= MOST or calls < WARM_UP:
            return self._beside(inputs)
        if calls == WARM_UP:
            return self._watched(inputs)
        main = torch.cuda.current_stream(self._device)
        try:
            recording = self._record(inputs)
        except Exception as error:
            torch.cuda.set_stream(main)  # which a recording that failed does not do
            first = error.__context__ or error  # ending a recording that failed fails too
            self._refuse(f"{type(first).__name__}: {[*str(first).splitlines(), ''][0]}")
            return self._beside(inputs)
        self._recordings[key] = recording
        return recording.replay(inputs)

    def _side(self) -> torch.cuda.Stream:
        """The stream of recordings: autograd must not have met the weights on another one."""
        if self._stream is None:
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        return self._stream

    def _beside(self, inputs: Mapping[str, Tensor]) -> Played:
        """One step as it stands."""
        side, main = self._side(), torch.cuda.current_stream(self._device)
        side.wait_stream(main)
        with torch.cuda.stream(side):
            played = self._play(inputs)
        main.wait_stream(side)
        return played

    def _watched(self, inputs: Mapping[str, Tensor]) -> Played:
        """One step as it stands that finds out whether anything in it waits for the GPU."""
        before = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                played = self._beside(inputs)
            finally:
                torch.cuda.set_sync_debug_mode(before)
        waits = [one for one in caught if SYNCHRONISING in str(one.message)]
        for one in caught:
            if one not in waits:
                warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
        if waits:
            places = dict.fromkeys(f"{one.filename}:{one.lineno}" for one in waits)
            self._refuse(f"it waits for the GPU at {', '.join(list(places)[:4])}")
        return played

    def _record(self, inputs: Mapping[str, Tensor]) -> Recording:
        places = {name: value.clone() for name, value in inputs.items()}
        graph = torch.cuda.CUDAGraph()
        names: tuple[str, ...] = ()
        # other threads, such as the one that pins batches, may go on calling CUDA meanwhile
        with torch.cuda.graph(graph, stream=self._side(), capture_error_mode="thread_local"):
            played = self._play(places)
            names = tuple(played)
            results = torch.stack([value.detach().float() for value in played.values()])
        return Recording(graph=graph, inputs=places, names=names, results=results)

    def _refuse(self, reason: str) -> None:
        self.refused = reason
        message = f"`training.cuda_graphs` stands back: {self._name} cannot be recorded, because {reason}"
        warnings.warn(message, stacklevel=4)
