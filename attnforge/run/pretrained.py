"""Weights that a recipe's `pretrained` takes from other runs, or from files, instead of training them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from attnforge.build.builder import class_of
from attnforge.build.parts import Parts
from attnforge.errors import Problem, RecipeError, RunError, nearest
from attnforge.interfaces import Tokenizer
from attnforge.recipe.schema import Recipe
from attnforge.storage.checkpoints.checkpoint import WEIGHTS, Checkpoint
from attnforge.storage.checkpoints.search import Damage, newest_checkpoint, read_checkpoint
from attnforge.storage.folder import RunFolder
from attnforge.storage.intact import intact_lock, phases_of
from attnforge.storage.locating import RunLocation, locate_run
from attnforge.storage.reading import reading

ENCODERS = "encoders"
"""The key that stands for the text and the image encoder."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the weights of one module come from."""

    module: str
    """Path of the module: a part, such as `text`, and perhaps a module inside, such as `generator.first`."""
    network: str
    """Name of the network in the checkpoint, whose weights the whole module takes; for a file its path."""
    checkpoint: Checkpoint | None
    """None for a file."""

    def __str__(self) -> str:
        if self.checkpoint is None:
            return self.network
        same = self.network == self.module
        return str(self.checkpoint.folder) if same else f"{self.checkpoint.folder}:{self.network}"


def find_pretrained(recipe: Recipe, tokenizer: Tokenizer, *, warn: Callable[[str], None]) -> list[Source]:
    """Where each module in the recipe's `pretrained` comes from; nothing is loaded yet.

    The path of a run stands for its newest checkpoint with the network; that of a checkpoint for itself.

    Args:
        recipe: The recipe.
        tokenizer: With the vocabulary of the data.
        warn: Called for every checkpoint that is skipped.

    Raises:
        RunError: a run is missing, or has no intact checkpoint with the networks, or its vocabulary differs.
        RecipeError: a file is missing.
    """
    sources: list[Source] = []
    for text, modules in _by_origin(recipe).items():
        place, _, network = text.partition(":")
        if place.endswith(WEIGHTS):
            if not Path(place).is_file():
                expected = f"an existing {WEIGHTS} file, a run or a checkpoint"
                message = f"`pretrained` names the file {place}, which does not exist"
                raise RecipeError(Problem("missing-file", message, expected=expected))
            sources += [Source(module, place, None) for module in modules]
            continue
        networks = {module: network or module.split(".")[0] for module in modules}
        checkpoint = _checkpoint(locate_run(Path(place)), frozenset(networks.values()), warn)
        for module, name in networks.items():
            generates = name == "generator" and not network
            sources.append(Source(module, checkpoint.sampling_network if generates else name, checkpoint))
        if "text" in networks.values():
            step = "attnforge train RECIPE pretrained=null"
            refuse_other_vocabulary(tokenizer, checkpoint, next_step=step)
    return sources


def load_pretrained(parts: Parts, sources: Sequence[Source]) -> None:
    """Load the weights of every source into its module.

    Raises:
        RunError: weights do not fit.
        RecipeError: the recipe has no such module.
    """
    for source in sources:
        module = _module(parts, source.module)
        if source.checkpoint is not None:
            source.checkpoint.load_network(source.network, module)
            continue
        file = Path(source.network)
        with reading(file):
            state = load_file(file)
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            message = f"{file} does not fit `{source.module}`: {error}"
            expected = "the state dict of exactly that module"
            raise RunError(Problem("checkpoint-misfit", message, expected=expected)) from error


def phases_to_train(recipe: Recipe) -> tuple[list[str], list[str]]:
    """The names of the phases that a run trains, and of those that it skips.

    Phases that train nothing but encoders are skipped where the recipe takes all of its encoders from
    elsewhere. A recipe that has only such phases keeps training what it loads.
    """
    names = list(recipe.phases)
    adversarial = [name for name in names if "generator" in class_of(recipe.phases[name].task).needs]
    modules = {module for modules in _by_origin(recipe).values() for module in modules}
    if not modules >= _encoders(recipe) or not adversarial:
        return names, []
    return adversarial, [name for name in names if name not in adversarial]


def refuse_other_vocabulary(tokenizer: Tokenizer, checkpoint: Checkpoint, *, next_step: str) -> None:
    """Refuse weights that were trained with another vocabulary.

    Args:
        tokenizer: The tokenizer of the run.
        checkpoint: The checkpoint to load from.
        next_step: The command that works without it.

    Raises:
        RunError: the vocabularies differ.
    """
    if tokenizer.fingerprint != checkpoint.fingerprint:
        raise RunError(
            Problem(
                code="vocabulary-mismatch",
                message=f"checkpoint {checkpoint.folder} has vocabulary {checkpoint.fingerprint}, "
                f"but the captions of the data give vocabulary {tokenizer.fingerprint}",
                expected="the data and tokenizer that the checkpoint was trained with, or new encoders",
                next_step=next_step,
            )
        )


def describe_pretrained(sources: Sequence[Source], skipped: Sequence[str]) -> str:
    """Which weights come from where, and the phases that are skipped for it."""
    modules: dict[str, list[str]] = {}
    for source in sources:
        modules.setdefault(str(source), []).append(source.module)
    listed = "; ".join(f"using {_listed(names)} from {origin}" for origin, names in modules.items())
    return f"{listed}; skipping phase {' and '.join(skipped)}" if skipped else listed


def _listed(modules: Sequence[str]) -> str:
    return ENCODERS if set(modules) == {"text", "image"} else " and ".join(modules)


def _by_origin(recipe: Recipe) -> Mapping[str, list[str]]:
    """The modules of the recipe's `pretrained` by where their weights come from."""
    origins: dict[str, list[str]] = {}
    for key, origin in recipe.pretrained.items():
        origins.setdefault(origin, []).extend(sorted(_encoders(recipe)) if key == ENCODERS else [key])
    return origins


def _encoders(recipe: Recipe) -> frozenset[str]:
    return frozenset({"text"} if recipe.image is None else {"text", "image"})


def _module(parts: Parts, path: str) -> nn.Module:
    """The module at a path such as `generator.stages.0`.

    Raises:
        RecipeError: there is none.
    """
    sizes = () if parts.generator is None else parts.generator.image_sizes
    networks: dict[str, object] = {"text": parts.text, "image": parts.image, "generator": parts.generator}
    networks |= {
        f"discriminator-{size}": network
        for size, network in zip(sizes, parts.discriminators, strict=False)  # a recipe may have none
    }
    modules = {name: network for name, network in networks.items() if isinstance(network, nn.Module)}
    first, _, rest = path.partition(".")
    try:
        return modules[first].get_submodule(rest)
    except (KeyError, AttributeError):
        inside = modules[first].named_modules() if first in modules else ()
        known = [f"{first}.{name}" if name else first for name, _ in inside] or list(modules)
        close = nearest(path, known)
        expected = f"`{close}`" if close else f"{ENCODERS}, {', '.join(modules)}, or a module inside one"
        message = f"`pretrained` names `{path}`, which the recipe does not have"
        raise RecipeError(Problem("no-such-module", message, expected=expected)) from None


def _checkpoint(location: RunLocation, holding: frozenset[str], warn: Callable[[str], None]) -> Checkpoint:
    run = location.run
    if location.checkpoint is not None:
        checkpoint = read_checkpoint(run.checkpoints / location.checkpoint, holding=holding)
        if isinstance(checkpoint, Checkpoint):
            return checkpoint
        raise RunError(_missing(run, holding, [checkpoint] if checkpoint is not None else []))
    phases = phases_of(intact_lock(run, warn=warn))
    search = newest_checkpoint(run.checkpoints, phases=phases, holding=holding)
    for damage in search.passed_over:
        warn(f"skipping checkpoint {damage}")
    if search.checkpoint is None:
        raise RunError(_missing(run, holding, search.passed_over))
    return search.checkpoint


def _missing(run: RunFolder, holding: frozenset[str], damaged: Sequence[Damage]) -> Problem:
    reasons = "".join(f"; {damage}" for damage in damaged)
    networks = " and ".join(f"`{name}`" for name in sorted(holding))
    return Problem(
        code="no-pretrained",
        message=f"run {run.path} has no intact checkpoint with {networks}{reasons}",
        expected="a run whose phase has saved these networks",
        next_step=f"attnforge train --resume {run.path}",
    )
