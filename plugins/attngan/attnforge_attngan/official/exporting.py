"""Exports a run as files of the official code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from attnforge.build.origin import origin
from attnforge.errors import Place, Problem, RunError
from attnforge.sampling.pipeline import Pipeline
from attnforge.storage.misfits import listed
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.official.captions import FoundCaptions, find_captions, write_lists
from attnforge_attngan.official.vocabulary import write_captions
from attnforge_attngan.official_keys import (
    DISCRIMINATOR,
    GENERATOR,
    IMAGE,
    TEXT,
    Rules,
    official_name,
)
from attnforge_attngan.stages import InitialStage, RefineStage
from attnforge_attngan.text import RecurrentTextEncoder
from attnforge_attngan.tokenizer import WordTokenizer

UP_BLOCKS = 4
"""Number of up-blocks of the official first stage, from 4 x 4 pixels."""


@dataclass(frozen=True, slots=True)
class Export:
    """The files written."""

    paths: tuple[Path, ...]
    captions: str
    """Where the captions of `captions.pickle` come from, or why there are none, as a line to print."""


def export_official(run: Path, out: Path, *, discriminators: bool = False) -> Export:
    """Write a run's newest checkpoint in the layout of the official code.

    `netG_epoch_0.pth` (the averaged generator), `text_encoder0.pth`, `image_encoder0.pth` and
    `captions.pickle`; with `discriminators` also `netD0.pth` and so on. Captions are the imported ones,
    or else those of the run's data, then with `train/` and `test/` as the official code expects them; without
    either, only the vocabulary is written. Names, shapes and order are the official ones, in
    the format of PyTorch 0.4.1, which later versions read.

    Raises:
        RunError: There is no run, a part of it has no official counterpart, or `out` already has such files
            or cannot be written.
    """
    pipeline = Pipeline.load(run, device="cpu")
    tokenizer = pipeline.parts.tokenizer
    if not isinstance(tokenizer, WordTokenizer):
        raise _no_counterpart(run, ["the tokenizer is not `word`"])
    states = {
        "netG_epoch_0.pth": official_generator(cast("nn.Module", pipeline.generator), source=run),
        "text_encoder0.pth": _text(cast("nn.Module", pipeline.parts.text), run),
        "image_encoder0.pth": _renamed(cast("nn.Module", pipeline.parts.image), IMAGE, run),
    }
    if discriminators:
        for index, network in enumerate(_discriminators(pipeline)):
            states[f"netD{index}.pth"] = official_discriminator(network, source=run)
    captions = find_captions(run, pipeline.parts, tokenizer.state()["words"])
    return Export(paths=_write(out, states, captions), captions=captions.origin)


def official_generator(network: nn.Module, *, source: Path) -> dict[str, Tensor]:
    """The official state dict of a generator.

    Raises:
        RunError: A part of it has no official counterpart.
    """
    if not isinstance(network, MultiStageGenerator):
        raise _no_counterpart(source, [f"the generator is a {type(network).__name__}"])
    first, *others = network.stages
    if isinstance(first, InitialStage) and len(first.up) != UP_BLOCKS:
        raise _no_counterpart(source, [f"the first image has {4 << len(first.up)} pixels a side, not 64"])
    attentions = [getattr(stage, "attention", stage) for stage in others]
    if not _is(network.conditioner, "conditioner", "augmentation"):
        raise _no_counterpart(source, [type(network.conditioner).__name__])
    expected: list[tuple[nn.Module, type]] = [(first, InitialStage)]
    expected += [(stage, RefineStage) for stage in others]
    expected += [(attention, WordAttention) for attention in attentions]
    if other := [type(part).__name__ for part, kind in expected if not isinstance(part, kind)]:
        raise _no_counterpart(source, other)
    single = len(network.heads) < len(network.stages)
    rules = [rule for rule in GENERATOR if "img_net" not in rule[0] or ("<stage>" in rule[0]) != single]

    def order(key: str) -> tuple[int, int]:
        part, number, *_ = key.split(".")
        if part == "conditioner":
            return -1, 0
        return (len(network.stages) if single and part == "heads" else int(number)), int(part == "heads")

    return _renamed(network, rules, source, order=order)


def official_discriminator(network: nn.Module, *, source: Path) -> dict[str, Tensor]:
    """The official state dict of a discriminator.

    Raises:
        RunError: A part of it has no official counterpart.
    """
    if not _is(network, "discriminator", "joint"):
        raise _no_counterpart(source, [f"the discriminator is a {type(network).__name__}"])
    # the same block has different names in the networks for 128 and for 256 pixels
    trunk = cast("nn.Sequential", network.get_submodule("trunk"))
    other = "img_code_s64" if len(trunk) < 8 else "img_code_s32_1"
    rules = [rule for rule in DISCRIMINATOR if not rule[0].startswith(other + r"\.")]
    parts = ("trunk", "unconditional_head", "joint", "conditional_head")
    return _renamed(network, rules, source, order=lambda key: (parts.index(key.split(".")[0]), 0))


def _is(part: object, kind: str, name: str) -> bool:
    """Whether a part was built from that component, whose plugin this one does not import."""
    component = origin(part)
    return component is not None and (component.kind, component.name) == (kind, name)


def _text(network: nn.Module, run: Path) -> dict[str, Tensor]:
    if not isinstance(network, RecurrentTextEncoder) or network.sentence != "last":
        raise _no_counterpart(run, ["the text encoder is not `bilstm` or `bigru` with `sentence: last`"])
    return _renamed(network, TEXT, run)


def _renamed(
    network: nn.Module, rules: Rules, source: Path, *, order: Callable[[str], tuple[int, int]] | None = None
) -> dict[str, Tensor]:
    own = network.state_dict()
    keys = sorted(own, key=order) if order else list(own)
    names = {key: official_name(key, rules) for key in keys}
    if unnamed := [key for key, name in names.items() if name is None]:
        raise _no_counterpart(source, unnamed)
    return {name: _shaped(name, own[key]) for key, name in names.items() if name is not None}


def _shaped(name: str, value: Tensor) -> Tensor:
    # The official attention projects words with a 2-D convolution of 1 x 1, ours with a 1-D one.
    value = value.detach().cpu().clone()
    return value[..., None] if name.endswith("att.conv_context.weight") else value


def _discriminators(pipeline: Pipeline) -> list[nn.Module]:
    parts, networks = pipeline.parts, []
    sizes = parts.generator.image_sizes if parts.generator else ()
    for size, network in zip(sizes, parts.discriminators, strict=False):
        networks.append(cast("nn.Module", network))
        pipeline.checkpoint.load_network(f"discriminator-{size}", networks[-1])
    return networks


def _write(out: Path, states: Mapping[str, Mapping[str, Tensor]], found: FoundCaptions) -> tuple[Path, ...]:
    names = (*states, "captions.pickle", *found.lists)
    if existing := [name for name in names if (out / name).exists()]:
        message = f"{out} already contains {', '.join(existing)}"
        raise RunError(Problem("export-exists", message, Place(str(out)), "another folder"))
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, state in states.items():
            torch.save(dict(state), out / name, _use_new_zipfile_serialization=False)
        write_captions(out / "captions.pickle", found.captions)
        write_lists(out, found.lists)
    except (OSError, RuntimeError) as error:
        message = f"the official files cannot be written to {out}: {error}"
        raise RunError(
            Problem("export-not-written", message, Place(str(out)), "a writable folder")
        ) from error
    return tuple(out / name for name in names)


def _no_counterpart(source: Path, parts: list[str]) -> RunError:
    message = f"the official code has no counterpart of this run: {listed(parts)}"
    expected = "a run of AttnGAN's own parts, such as one of the recipe `attngan`"
    return RunError(Problem("no-official-counterpart", message, Place(str(source)), expected))
