"""Plugins as `attnforge plugins new` writes them, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attnforge.plugin import KINDS, PluginCatalogue
from attnforge.scaffold import Names, name_plugin, write_project

TWO_STEPS = (
    "phases.damsm.steps=2",
    "phases.damsm.batch_size=4",
    "phases.damsm.log_every=1",
    "phases.gan.steps=2",
    "phases.gan.batch_size=4",
    "phases.gan.log_every=1",
    "phases.gan.sample_every=2",
    "data.count=16",
    "data.test_count=8",
    "samples.count=2",
    "evaluation.captions=8",
    "evaluation.batch_size=4",
)
"""Overrides under which the recipe of any new plugin trains in seconds."""


def write_all_kinds(folder: Path, *, plugins: PluginCatalogue, stem: str = "tried") -> dict[Any, Names]:
    """A plugin for each kind, below `folder`; the names by kind."""
    named: dict[Any, Names] = {
        kind: name_plugin(f"{stem}-{kind}", kinds=[kind], plugins=plugins) for kind in KINDS
    }
    for names in named.values():
        write_project(names, folder)
    return named


FAMILY = ("generator", "discriminator", "loss")
"""What a family of generators brings."""
COMBINATIONS = (
    FAMILY,
    ("kernel", "stage", "conditioner", "loss", "dataset", "metric", "task", "tokenizer", "scorer"),
    (
        "attention",
        "stage",
        "conditioner",
        "text-encoder",
        "image-encoder",
        "discriminator",
        "tracker",
        "sampler",
        "feature-network",
    ),
)
"""Kinds for plugins of several components; together, all of them."""
