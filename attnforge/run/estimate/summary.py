"""The text of `attnforge train RECIPE --dry-run`."""

from __future__ import annotations

from collections.abc import Iterator

from attnforge.build import assemble
from attnforge.compute.memory import USABLE
from attnforge.errors import AttnforgeError
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.schema import Recipe
from attnforge.run.estimate.fitting import MEMORIES_GB, memory_curve
from attnforge.run.estimate.step import StepEstimate, estimate_step

GIB = 1024**3
NOT_COUNTED = (
    "Memory is that of tensors in float32 with captions of the greatest length. Not counted: workspaces "
    "inside operations, gaps between blocks, libraries, and the decoded images that loading keeps."
)
PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def dry_run(resolved: ResolvedRecipe) -> Iterator[str]:
    """The lines for every phase: networks, memory, FLOP and the batch sizes that fit."""
    recipe = assemble(resolved)
    yield f"recipe {resolved.name} {resolved.digest[:8]}, seed {recipe.training.seed}; nothing is trained"
    for name in recipe.phases:
        yield ""
        try:
            yield from _phase(recipe, name)
        except (NotImplementedError, AttnforgeError) as error:
            reason = error.problems[0].message if isinstance(error, AttnforgeError) else str(error)
            yield f"phase {name}: not estimated: {' '.join(reason.split('. ')[0].split())}"
    yield ""
    yield NOT_COUNTED
    precision = recipe.training.precision
    if precision != "float32":
        where = " where it selects bfloat16," if precision == "auto" else ""
        yield f"With `precision: {precision}`{where} activations need about half as much."


def _phase(recipe: Recipe, name: str) -> Iterator[str]:
    estimate = estimate_step(recipe, name)
    size = f"{estimate.image_size} x {estimate.image_size}"
    yield f"phase {name}: batch size {estimate.batch_size}, images of {size}"
    yield from _networks(estimate)
    parts = {
        "weights": estimate.weights,
        "gradients": estimate.gradients,
        "optimizer state": estimate.optimizer_state,
        "batch": estimate.batch,
        "activations": estimate.activations,
    }
    yield f"  memory of a step   {byte_count(estimate.peak)}"
    yield "    " + ", ".join(f"{part} {byte_count(count)}" for part, count in parts.items())
    if recipe.training.on_not_finite == "skip":
        copied = byte_count(estimate.weights + estimate.optimizer_state)
        yield f"  host memory        {copied} more for the copy that `on_not_finite: skip` returns to"
    yield f"  FLOP an image      {_prefixed(estimate.flop_per_image)} ({_prefixed(estimate.flop)} a step)"

    def peak(batch_size: int) -> int:
        if batch_size == estimate.batch_size:
            return estimate.peak
        return estimate_step(recipe, name, batch_size=batch_size).peak

    curve = memory_curve(peak, batch_size=estimate.batch_size)
    fits = {memory: curve.largest_batch(USABLE * memory * GIB) for memory in MEMORIES_GB}
    sizes = ", ".join(f"{memory} GB: {size or 'none'}" for memory, size in fits.items())
    yield f"  batch size that fits into {USABLE:.0%} of   {sizes}"


def _networks(estimate: StepEstimate) -> Iterator[str]:
    width = max(len("all"), *(len(network.name) for network in estimate.networks))
    rows = [(network.name, network.parameters, network.trained) for network in estimate.networks]
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    for name, parameters, trained in rows:
        yield f"  {name:<{width}}  {parameters:>13,} parameters, {trained:>13,} trained"


def byte_count(count: float) -> str:
    """Bytes in MB or GB of 1000s, with three digits."""
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def _prefixed(value: float) -> str:
    for factor, prefix in PREFIXES:
        if value >= factor:
            return f"{value / factor:.3g} {prefix}"
    return f"{value:.0f}"
