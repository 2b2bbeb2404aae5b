"""How fast a generator samples: to images on the device, and to files."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import torch
from official_step import make_official, sliced_gates
from PIL import Image
from torch import Tensor, nn
from training_games import Game
from training_measuring import times_of
from training_providers import OFFICIAL
from training_rows import Row

from attnforge.compute.engine import Engine
from attnforge.interfaces import TextFeatures
from attnforge.sampling.generating import to_bytes

BATCH, SMALL_BATCH = 100, 4
STEPS = 20
FILES = 100

Draw = Callable[[], Tensor]


def draw_rows(game: Game, device: torch.device, *, small: bool, late: Callable[[], bool]) -> Iterator[Row]:
    """A row for every way of sampling the largest images of a batch.

    Args:
        game: Whose generator draws.
        device: Where.
        small: Whether few images are drawn.
        late: Whether the time for the benchmark is up.
    """
    batch = SMALL_BATCH if small else BATCH
    kinds = {
        OFFICIAL: Engine(device=device),
        "attnforge float32": Engine(device=device),
        "attnforge bf16 channels-last": Engine(device=device, precision="bf16", channels_last=True),
    }
    if device.type == "cuda":
        kinds["attnforge bf16 channels-last graphs"] = Engine(
            device=device, precision="bf16", channels_last=True, cuda_graphs=True
        )
    for name, engine in kinds.items():
        row = Row(recipe=game.name, what="drawing", provider=name, device="", batch=batch)
        if late():
            row.note = "the time for the benchmark was up"
            yield row
            continue
        try:
            draw = _drawing(game, engine, batch, official=name == OFFICIAL)
            for _ in range(5 if device.type == "cuda" else 1):
                draw()
            taken = times_of(draw, device, steps=STEPS, seconds=1.0)
            row.clock, row.steps, row.milliseconds = taken.clock, taken.steps, taken.middle
            row.milliseconds_20, row.milliseconds_80 = taken.low, taken.high
            row.images_per_second = 1e3 * batch / taken.middle
        except Exception as error:
            row.note = f"failed: {type(error).__name__}: {[*str(error).splitlines(), ''][0][:200]}"
        yield row
    yield from _to_disk(game, device, batch, kinds, late=late)


def _drawing(game: Game, engine: Engine, batch: int, *, official: bool) -> Draw:
    spec = game.spec_on(engine.device, engine)
    generator, text = cast("nn.Module", spec.generator).eval(), cast("nn.Module", spec.text)
    samples = game.samples(batch, seed=1)
    device = engine.device
    tokens, lengths = samples.tokens.to(device), samples.lengths.to(device)
    with torch.no_grad():
        features = text(tokens, lengths)
    wide: int = cast("Any", spec.generator).noise
    if official:
        make_official(generator)

    def play(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        seen = TextFeatures(inputs["words"], inputs["sentence"], inputs["padding"])
        with torch.no_grad(), engine.autocast(), sliced_gates() if official else nullcontext():
            return {"image": generator(inputs["noise"], seen).images[-1]}

    inputs = {"words": features.words, "sentence": features.sentence, "padding": features.padding}
    graph = _Graph(play, device) if engine.cuda_graphs else play

    def draw() -> Tensor:
        noise = torch.randn(batch, wide, device=device)
        return graph({**inputs, "noise": noise})["image"]

    return draw


class _Graph:
    """A function of named tensors as a CUDA graph, recorded at the fourth call."""

    def __init__(self, play: Callable[[dict[str, Tensor]], dict[str, Tensor]], device: torch.device) -> None:
        self.play, self.device, self.calls = play, device, 0
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.graph = torch.cuda.CUDAGraph()
        self.places: dict[str, Tensor] = {}
        self.results: dict[str, Tensor] = {}

    def __call__(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        self.calls += 1
        if self.calls < 4:
            self.stream.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(self.stream):
                results = self.play(inputs)
            torch.cuda.current_stream(self.device).wait_stream(self.stream)
            return results
        if not self.places:
            self.places = {name: value.clone() for name, value in inputs.items()}
            with torch.cuda.graph(self.graph, stream=self.stream, capture_error_mode="thread_local"):
                self.results = self.play(self.places)
        for name, place in self.places.items():
            place.copy_(inputs[name])
        self.graph.replay()
        return self.results


def _to_disk(
    game: Game, device: torch.device, batch: int, kinds: dict[str, Engine], *, late: Callable[[], bool]
) -> Iterator[Row]:
    """PNG files, wall time: most of it is work of the host."""
    count = min(FILES, 4 * batch)
    for name in (OFFICIAL, "attnforge bf16 channels-last"):
        row = Row(recipe=game.name, what="to disk", provider=name, device="", batch=batch)
        if late():
            row.note = "the time for the benchmark was up"
            yield row
            continue
        draw = _drawing(game, kinds[name], batch, official=name == OFFICIAL)
        draw()
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            for start in range(0, count, batch):
                images = draw()
                if name == OFFICIAL:
                    _save_as_official(images, Path(folder), start)
                else:
                    for place, pixels in enumerate(to_bytes(images)):
                        Image.fromarray(pixels).save(Path(folder) / f"{start + place}.png")
            taken = time.perf_counter() - begun
        row.clock, row.steps, row.milliseconds = "wall", count // batch, 1e3 * taken * batch / count
        row.images_per_second = count / taken
        yield row


def _save_as_official(images: Tensor, folder: Path, start: int) -> None:
    """One image after the other: to the host, to bytes, to a file."""
    for place in range(len(images)):
        image = images[place].data.cpu().float().numpy()
        levels = ((image + 1.0) * 127.5).astype("uint8").transpose(1, 2, 0)
        Image.fromarray(levels).save(folder / f"{start + place}.png")
