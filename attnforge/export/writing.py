"""Writes the graphs of a run to a folder, each compared with the run before it counts as written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from attnforge.errors import Problem, RunError
from attnforge.export.description import MODEL, TOKENS, write_description
from attnforge.export.graphs import Graphs
from attnforge.sampling.pipeline import Pipeline
from attnforge.storage.alone import not_written, refuse_occupied

TOLERANCE = 1e-4
"""How much outputs may differ from the run's own, in [-1, 1]."""
BATCHES = (1, 3, 8)
"""Batch sizes that are compared; captions have lengths from the longest to one word."""

Run = Callable[[Sequence[Tensor]], Sequence[Tensor]]
"""Runs a written graph on its inputs, in their order."""


@dataclass(frozen=True, slots=True)
class Written:
    """The files of an export."""

    paths: tuple[Path, ...]
    difference: float
    """The largest difference from the run's own images, in [-1, 1]."""
    without_text: str | None = None
    """Why there is no graph of the text encoder."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a traced program becomes a file."""

    suffix: str
    write: Callable[[ExportedProgram, Path, Sequence[str], Sequence[str]], Run]
    """Writes the program, with names of inputs and outputs, and returns what runs the file."""


TEXT_INPUTS = ("tokens", "lengths")
TEXT_OUTPUTS = ("words", "sentence", "padding")


def export_graphs(run: Path, out: Path, target: Format, *, words: int | None = None) -> Written:
    """Write the text encoder and the generator of a run, `model.json` and `tokens.json`.

    A text encoder that cannot be traced is left out, with the reason.

    Args:
        run: The run, or one of its checkpoints.
        out: The folder to create.
        target: The format.
        words: The length to which captions are padded; see `Graphs.of`.

    Raises:
        RunError: the run cannot be exported, the file computes something else, or the folder has files or
            cannot be written.
    """
    refuse_occupied(out)
    graphs = Graphs.of(Pipeline.load(run, device="cpu"), words=words)
    program = graphs.generator
    try:
        out.mkdir(parents=True, exist_ok=True)
        generator = out / f"generator{target.suffix}"
        run_generator = target.write(program, generator, graphs.inputs, graphs.outputs)
        differences = _differences(
            run_generator,
            [(graphs.example_inputs(rows, seed=rows), graphs.run) for rows in BATCHES],
            graphs.outputs,
            file=generator,
        )
        text, reason = _write_text(graphs, out, target)
    except OSError as error:
        raise not_written(out, error) from error
    described = {"file": generator.name, "inputs": graphs.inputs, "outputs": graphs.outputs}
    write_description(graphs, out, text=text, generator={**described, "differences": differences})
    files = [generator.name, *([text["file"]] if "file" in text else []), MODEL, TOKENS]
    return Written(tuple(out / name for name in files), max(differences.values()), reason)


def _write_text(graphs: Graphs, out: Path, target: Format) -> tuple[dict[str, Any], str | None]:
    try:
        program = graphs.text
    except RunError as error:
        (problem,) = error.problems
        return {"reason": problem.message}, problem.message
    file = out / f"text{target.suffix}"
    run = target.write(program, file, TEXT_INPUTS, TEXT_OUTPUTS)

    def own(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        features = graphs.features(*inputs)
        return features.words, features.sentence, features.padding

    examples = [(graphs.example_tokens(rows), own) for rows in BATCHES]
    differences = _differences(run, examples, TEXT_OUTPUTS, file=file)
    return {
        "file": file.name,
        "inputs": TEXT_INPUTS,
        "outputs": TEXT_OUTPUTS,
        "differences": differences,
    }, None


def _differences(
    run: Run,
    examples: Sequence[tuple[Sequence[Tensor], Callable[..., Sequence[Tensor]]]],
    names: Sequence[str],
    *,
    file: Path,
) -> Mapping[str, float]:
    """The largest difference of each output from the run's own.

    Raises:
        RunError: one is larger than the tolerance, or not a number.
    """
    largest = dict.fromkeys(names, 0.0)
    for inputs, own in examples:
        with torch.no_grad():
            pairs = zip(names, run(inputs), own(inputs), strict=True)
            for name, theirs, ours in pairs:
                difference = float((theirs.double() - ours.double()).abs().max())
                if not difference <= largest[name]:  # a difference that is not a number stays
                    largest[name] = difference
    for name, difference in largest.items():
        if not difference <= TOLERANCE:
            message = f"{file} computes other values than the run: {name} differs by {difference:.2g}"
            expected = f"differences up to {TOLERANCE:g}; do not use the file"
            raise RunError(Problem("export-differs", message, expected=expected))
    return largest
