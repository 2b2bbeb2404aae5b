"""Recipes of attnforge's own plugins that are packages of their own, which need not be installed."""

from __future__ import annotations

from collections.abc import Mapping

IMAGENET, WORDVECTORS = "attnforge-imagenet[lite0]", "attnforge-wordvectors[wordllama]"
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "quickstart-clip": ("attnforge-clip",),
    "quickstart-folder-imagenet": (IMAGENET,),
    "quickstart-folder-pretrained": (IMAGENET, WORDVECTORS),
    "quickstart-folder-pretrained-128": (IMAGENET, WORDVECTORS),
    "quickstart-tensorboard": ("attnforge-tensorboard",),
    "quickstart-wandb": ("attnforge-wandb",),
}
"""What to install for each, with extras for the files that it reads."""
