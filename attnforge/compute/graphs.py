"""Captures training steps as CUDA graphs, which replay with one launch instead of thousands.

A replay runs without Python, so nothing in the step may depend on values that the host reads. The first steps
run eagerly, as a warm-up: kernels are compiled and optimizer states are created. The last of them is checked
for synchronization: a step that waits for the GPU cannot be captured, which is warned of once, and training
continues eagerly.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Scalars = dict[str, Tensor]
"""Named scalars of a step."""
Key = tuple[tuple[str, tuple[int, ...], torch.dtype], ...]
"""Names, shapes and types of the inputs of a step."""
WARM_UP_STEPS = 3
"""Eager steps with the same shapes before one is captured."""
MAX_GRAPHS = 4
"""Graphs that are kept; each holds the memory of a whole step."""
SYNCHRONIZATION_WARNING = "called a synchronizing CUDA operation"


@dataclass(frozen=True, slots=True)
class CapturedGraph:
    """A CUDA graph with its static inputs and outputs."""

    graph: torch.cuda.CUDAGraph
    inputs: Mapping[str, Tensor]
    names: tuple[str, ...]
    """Names of the outputs."""
    outputs: Tensor
    """All outputs in one tensor, overwritten by every replay."""

    def replay(self, inputs: Mapping[str, Tensor]) -> Scalars:
        """Run one step; it draws the same random numbers as an eager step."""
        for name, static in self.inputs.items():
            static.copy_(inputs[name], non_blocking=True)
        self.graph.replay()
        return dict(zip(self.names, self.outputs.clone().unbind(), strict=True))


class GraphedStep:
    """Calls a function of named tensors eagerly at first, then by replaying a CUDA graph for their shapes.

    Args:
        step: The function; it returns named scalars.
        name: Its name in messages.
        device: The GPU.
    """

    def __init__(
        self, step: Callable[[Mapping[str, Tensor]], Scalars], *, name: str, device: torch.device
    ) -> None:
        self._step = step
        self._name = name
        self._device = device
        self._calls: Counter[Key] = Counter()
        self._graphs: dict[Key, CapturedGraph] = {}
        self._stream: torch.cuda.Stream | None = None
        self.refusal: str | None = None
        """Why no more graphs are captured, or None."""

    def __call__(self, inputs: Mapping[str, Tensor]) -> Scalars:
        key = tuple((name, tuple(value.shape), value.dtype) for name, value in inputs.items())
        if graph := self._graphs.get(key):
            return graph.replay(inputs)
        self._calls[key] += 1
        calls = self._calls[key]
        if self.refusal is not None or len(self._graphs) >= MAX_GRAPHS or calls < WARM_UP_STEPS:
            return self._eager(inputs)
        if calls == WARM_UP_STEPS:
            return self._checked(inputs)
        main = torch.cuda.current_stream(self._device)
        try:
            graph = self._capture(inputs)
        except Exception as error:
            torch.cuda.set_stream(main)  # which a failed capture does not do
            cause = error.__context__ or error  # ending a failed capture fails too
            self._refuse(f"{type(cause).__name__}: {[*str(cause).splitlines(), ''][0]}")
            return self._eager(inputs)
        self._graphs[key] = graph
        return graph.replay(inputs)

    def _capture_stream(self) -> torch.cuda.Stream:
        """The stream of recordings: autograd must not have met the weights on another one."""
        if self._stream is None:
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        return self._stream

    def _eager(self, inputs: Mapping[str, Tensor]) -> Scalars:
        """Run one eager step."""
        side, main = self._capture_stream(), torch.cuda.current_stream(self._device)
        side.wait_stream(main)
        with torch.cuda.stream(side):
            scalars = self._step(inputs)
        main.wait_stream(side)
        return scalars

    def _checked(self, inputs: Mapping[str, Tensor]) -> Scalars:
        """Run one eager step and find out whether anything in it waits for the GPU."""
        mode = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                scalars = self._eager(inputs)
            finally:
                torch.cuda.set_sync_debug_mode(mode)
        waits = [warning for warning in caught if SYNCHRONIZATION_WARNING in str(warning.message)]
        for warning in caught:
            if warning not in waits:
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        if waits:
            places = dict.fromkeys(f"{warning.filename}:{warning.lineno}" for warning in waits)
            self._refuse(f"it waits for the GPU at {', '.join(list(places)[:4])}")
        return scalars

    def _capture(self, inputs: Mapping[str, Tensor]) -> CapturedGraph:
        static = {name: value.clone() for name, value in inputs.items()}
        graph = torch.cuda.CUDAGraph()
        names: tuple[str, ...] = ()
        # other threads, such as the one that pins batches, may call CUDA meanwhile
        with torch.cuda.graph(graph, stream=self._capture_stream(), capture_error_mode="thread_local"):
            scalars = self._step(static)
            names = tuple(scalars)
            outputs = torch.stack([value.detach().float() for value in scalars.values()])
        return CapturedGraph(graph=graph, inputs=static, names=names, outputs=outputs)

    def _refuse(self, reason: str) -> None:
        self.refusal = reason
        message = f"`training.cuda_graphs` has no effect: {self._name} cannot be captured: {reason}"
        warnings.warn(message, stacklevel=4)
