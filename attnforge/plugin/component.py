"""The record by which a plugin declares a component: data only, so that listing costs no import."""

from __future__ import annotations

import re
from dataclasses import dataclass

KINDS: dict[str, str] = {
    "tokenizer": "turns captions into token ids",
    "text-encoder": "captions to word and sentence vectors",
    "image-encoder": "images to region and image vectors",
    "conditioner": "turns a sentence vector into the generator's condition",
    "attention": "attends from a feature map to words",
    "stage": "one step of a generator from coarse to fine",
    "generator": "noise and text to images of several sizes",
    "discriminator": "classifies images of one size as real or fake",
    "loss": "a term of adversarial training",
    "dataset": "images with captions",
    "metric": "scores generated images",
    "tracker": "logs a run's scalars and images elsewhere",
    "task": "what is trained, and how to do one step",
    "kernel": "computes an attention operation",
}
"""Every kind of component, with a description; `attnforge.interfaces.INTERFACES` has the protocols."""

API_VERSION = 2
"""The version of the plugin API; docs/reference/versions.md says what it covers.

Increased when a plugin that worked before may need a change; additions leave it unchanged.
"""

_PLACE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Component:
    """One declared component.

    A plugin's entry point names a module whose `attnforge_components` hook returns these. That module
    imports no torch; the component's own module is imported when a recipe names it and not before.
    """

    kind: str
    """One of `KINDS`."""
    name: str
    """Its name in recipes: lower-case words joined by hyphens."""
    target: str
    """Its class: `package.module:Class`."""
    summary: str
    """One line for `attnforge components`."""
    version: int = 1
    """Increased when the same recipe would build something else, or old weights would not fit."""
    migrations: str | None = None
    """Its migrations: `package.module:MIGRATIONS`, a sequence of `Migration`."""

    def __post_init__(self) -> None:
        """Validate the version and the migrations.

        Raises:
            ValueError: one of them is malformed.
        """
        if type(self.version) is not int or self.version < 1:
            raise ValueError(
                f"version {self.version!r} of {self.kind} `{self.name}` is not a positive integer"
            )
        if self.migrations is not None and not _PLACE.fullmatch(self.migrations):
            raise ValueError(
                f"migrations {self.migrations!r} of {self.kind} `{self.name}` are not `module:NAME`"
            )
