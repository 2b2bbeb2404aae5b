"""From official checkpoints to a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.build import assemble
from attnforge.build.builder import class_of
from attnforge.build.parts import Parts
from attnforge.errors import Place, Problem, RecipeError, RunError
from attnforge.interfaces import Task
from attnforge.recipe import resolve
from attnforge.recipe.scalars import write as write_yaml
from attnforge.recipe.schema import Recipe
from attnforge.recipe.seal import seal
from attnforge.storage.checkpoints.checkpoint import LOCK
from attnforge.storage.checkpoints.saving import prepare_checkpoint
from attnforge.storage.folder import RunFolder, write_text
from attnforge.storage.weight_files import read_state
from attnforge_attngan.official.captions import keep_captions
from attnforge_attngan.official.vocabulary import OfficialCaptions, read_captions
from attnforge_attngan.official_keys import DISCRIMINATOR, GENERATOR, IMAGE, TEXT, Rules, load_official
from attnforge_attngan.tokenizer import WordTokenizer

NEEDED: Mapping[str, Rules] = {"text": TEXT, "image": IMAGE, "generator": GENERATOR}
"""The networks that are imported, with the rules of their official tensor names."""
WRAPPERS = ("model", "state_dict")
"""Keys under which forks of the official code store a state dict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialFiles:
    """The files of one official model."""

    generator: Path
    text_encoder: Path
    image_encoder: Path
    captions: Path
    """`captions.pickle`, which holds the vocabulary that the text encoder was trained with."""
    discriminators: tuple[Path, ...] = ()
    """One for every image size, smallest first; none were published."""


def import_official(
    files: OfficialFiles, out: Path, *, recipe: str | Path = "attngan", overrides: Sequence[str] = ()
) -> RunFolder:
    """Create a run whose first checkpoint has the official weights and word ids.

    The checkpoint is at step 0 of the recipe's adversarial phase, so every command accepts the run. The
    generator and its average are the same. Discriminators without a file are initialised randomly.

    Raises:
        RunError: There is a run in `out`, a file does not match the recipe, or the vocabulary and the text
            encoder have different numbers of words.
        RecipeError: The recipe has parts other than AttnGAN's, or a weights file cannot be read.
        DataError: The captions cannot be read.
    """
    if (out / "recipe.lock.yaml").exists():
        message = f"{out} already contains a run"
        raise RunError(Problem("run-exists", message, expected="a new folder", next_step="ls runs"))
    vocabulary = json.dumps(str(out / "vocabulary.json"), ensure_ascii=False)
    words = (f"tokenizer.vocabulary={vocabulary}", "tokenizer.letters=ascii")
    resolved = resolve(recipe, overrides=[*overrides, *words])
    assembled = assemble(resolved)
    phase = _adversarial_phase(assembled)
    captions = read_captions(files.captions)
    tokenizer = assembled.tokenizer()
    if not isinstance(tokenizer, WordTokenizer):
        raise RecipeError(
            Problem("not-attngan", "official files need the tokenizer `word`", resolved.place("tokenizer"))
        )
    tokenizer.load_state({"letters": "ascii", "words": list(captions.words)})
    states = {
        "text": read_state(str(files.text_encoder), inside=(*WRAPPERS, "text_encoder")),
        "image": read_state(str(files.image_encoder), inside=(*WRAPPERS, "image_encoder")),
        "generator": read_state(str(files.generator), inside=(*WRAPPERS, "netG", "generator")),
    }
    _check_vocabulary(states["text"], tokenizer, files)
    task = _build(assembled, phase, tokenizer)
    networks = dict(task.networks())
    for name, path in zip(NEEDED, (files.text_encoder, files.image_encoder, files.generator), strict=True):
        load_official(networks[name], states[name], NEEDED[name], source=str(path))
    if "generator-average" in networks:
        networks["generator-average"].load_state_dict(networks["generator"].state_dict())
    _load_discriminators(networks, files.discriminators)
    run = RunFolder.create(out, recipe=write_yaml(resolved.plain()), lock=resolved.frozen())
    run.write_json("vocabulary.json", tokenizer.state())
    keep_captions(run.path, captions)
    _write_sample_captions(run, assembled, captions)
    checkpoint = prepare_checkpoint(
        run.checkpoints,
        phase=phase,
        step=0,
        networks=networks,
        optimizers=task.optimizers(),
        tokenizer=tokenizer,
        add=lambda folder: write_text(folder / LOCK, seal(resolved.frozen())),
    )
    checkpoint.write()
    run.log_event("imported", files=_digests(files))
    return run


def _adversarial_phase(recipe: Recipe) -> str:
    """The last phase that trains a generator."""
    phases = [name for name, phase in recipe.phases.items() if "generator" in class_of(phase.task).needs]
    if not phases or recipe.generator is None:
        message = "the recipe has no phase that trains a generator"
        raise RecipeError(Problem("not-attngan", message, expected="a recipe such as `attngan`"))
    return phases[-1]


def _build(recipe: Recipe, phase: str, tokenizer: WordTokenizer) -> Task:
    parts = Parts(recipe, tokenizer=tokenizer, device=torch.device("cpu"))
    build = recipe.phases[phase].task
    task: Task = build(parts.task_spec(class_of(build).needs))
    if not NEEDED.keys() <= task.networks().keys():
        message = f"the task of phase `{phase}` has networks other than AttnGAN's"
        raise RecipeError(Problem("not-attngan", message, expected="the task `gan`"))
    return task


def _check_vocabulary(state: Mapping[str, Tensor], tokenizer: WordTokenizer, files: OfficialFiles) -> None:
    table = next((value for name, value in state.items() if name.endswith("encoder.weight")), None)
    if table is None or len(table) == tokenizer.vocabulary_size:
        return
    message = (
        f"the text encoder {files.text_encoder} has {len(table):,} words, "
        f"the vocabulary {files.captions} has {tokenizer.vocabulary_size:,}"
    )
    expected = "the captions.pickle that the text encoder was trained with"
    raise RunError(Problem("vocabulary-size", message, Place(str(files.captions)), expected))


def _load_discriminators(networks: Mapping[str, nn.Module], paths: Sequence[Path]) -> None:
    names = [name for name in networks if name.startswith("discriminator-")]
    if paths and len(paths) != len(names):
        message = f"the recipe has {len(names)} discriminators, not {len(paths)}"
        expected = f"{len(names)} files, smallest images first, or none"
        raise RunError(Problem("other-checkpoint", message, expected=expected))
    for name, path in zip(names, paths, strict=False):
        state = read_state(str(path), inside=(*WRAPPERS, "netD", "discriminator"))
        load_official(networks[name], state, DISCRIMINATOR, source=str(path))


def _write_sample_captions(run: RunFolder, recipe: Recipe, captions: OfficialCaptions) -> None:
    """Write the captions that a report samples, so that it needs no data."""
    texts = list(recipe.samples.captions) or captions.examples(recipe.samples.count)
    if texts:
        entries: list[dict[str, Any]] = [
            {"caption": caption, "index": index} for index, caption in enumerate(texts)
        ]
        run.write_json("samples/captions.json", entries)


def _digests(files: OfficialFiles) -> dict[str, str]:
    """The SHA-256 of every imported file, by name."""
    paths = (files.generator, files.text_encoder, files.image_encoder, files.captions, *files.discriminators)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
