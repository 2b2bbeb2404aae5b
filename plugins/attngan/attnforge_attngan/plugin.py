"""What the AttnGAN plugin declares; data only, so that listing it imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnforge.plugin import Component, hookimpl

if TYPE_CHECKING:
    from attnforge.errors import Problem
    from attnforge.plugin import CheckedRecipe

_COMPONENTS = (
    ("tokenizer", "word", "tokenizer:WordTokenizer", "lower-cased words of letters and digits"),
    ("text-encoder", "bilstm", "text:BiLSTM", "bidirectional LSTM, AttnGAN's own"),
    ("text-encoder", "bigru", "text:BiGRU", "bidirectional GRU, lighter"),
    (
        "image-encoder",
        "inception-v3",
        "image_inception:InceptionEncoder",
        "Inception-v3, frozen, 17 x 17 regions",
    ),
    (
        "image-encoder",
        "timm",
        "image_timm:TimmEncoder",
        "any convolutional network of timm, for small images",
    ),
    ("attention", "word", "attention:WordAttention", "every pixel attends to the words"),
    ("stage", "initial", "stages:InitialStage", "noise and condition to the first map"),
    ("stage", "refine", "stages:RefineStage", "word attention, residual blocks, twice the size"),
    (
        "generator",
        "multi-stage",
        "generator:MultiStageGenerator",
        "any number of stages, an image after each",
    ),
    ("scorer", "classifier", "classifier:ClassifierScorer", "log probability of a class of any classifier"),
    ("loss", "damsm", "losses.damsm:DamsmLoss", "matches words to the image's regions"),
    ("task", "damsm", "tasks.matching:MatchingTask", "trains both encoders to match words and regions"),
)

_MIGRATED = {
    ("generator", "multi-stage"): (2, "MULTI_STAGE"),
    ("loss", "damsm"): (2, "DAMSM_LOSS"),
    ("task", "damsm"): (2, "DAMSM_TASK"),
}
"""The version of every component beyond version 1, and its migrations in `migrations.py`."""


@hookimpl
def attnforge_components() -> list[Component]:
    """The parts of AttnGAN (Xu et al., CVPR 2018)."""
    scorer = "attnforge.sampling.matching:MatchingScorer"
    return [
        *(_component(*row) for row in _COMPONENTS),
        Component("scorer", "damsm", scorer, "cosine of image and sentence for the run's encoders"),
    ]


def _component(kind: str, name: str, target: str, summary: str) -> Component:
    version, migrations = _MIGRATED.get((kind, name), (1, None))
    place = f"attnforge_attngan.migrations:{migrations}" if migrations else None
    return Component(kind, name, f"attnforge_attngan.{target}", summary, version, place)


@hookimpl
def attnforge_commands() -> dict[str, str]:
    """The official checkpoints, in and out."""
    return {
        "import attngan": "attnforge_attngan.official.commands:import_command",
        "export attngan": "attnforge_attngan.official.commands:export_command",
    }


@hookimpl
def attnforge_check_recipe(recipe: CheckedRecipe) -> list[Problem]:
    """Reject unknown kernels where the recipe names them, before training starts."""
    from attnforge_attngan.kernel_names import unknown_kernels

    return list(unknown_kernels(recipe))
