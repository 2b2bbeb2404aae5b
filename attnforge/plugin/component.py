"""The record by which a plugin declares a component: data only, so that listing costs no import."""

from __future__ import annotations

import re
from dataclasses import dataclass

KINDS: dict[str, str] = {
    "tokenizer": "turns captions into token ids",
    "text-encoder": "captions to word and sentence vectors",
    "image-encoder": "images to region and image vectors",
    "conditioner": "draws the generator's condition from a sentence",
    "attention": "brings words into a feature map",
    "stage": "one step of a generator from coarse to fine",
    "generator": "noise and text to images of several sizes",
    "discriminator": "judges images of one size",
    "loss": "a term of the adversarial game",
    "dataset": "images with captions",
    "metric": "a figure of generated images",
    "tracker": "carries a run's figures elsewhere",
    "task": "what is trained, and how one step goes",
    "kernel": "computes an attention operation",
}
"""Every kind of component, with what it does; `attnforge.interfaces.INTERFACES` has the protocols."""

API_VERSION = 1
"""The version of what plugins are built on; docs/reference/versions.md says what it covers.

Raised when a plugin that worked before may need a change; what is only added leaves it as it is.
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
    """How recipes call it: lower-case words joined by hyphens."""
    target: str
    """Where it is: `package.module:Class`."""
    summary: str
    """One line for `attnforge components`."""
    version: int = 1
    """Raised when the same recipe would build something else, or old weights would not fit."""
    migrations: str | None = None
    """Where its migrations are: `package.module:MIGRATIONS`, a sequence of `Migration`."""

    def __post_init__(self) -> None:
        """Refuse what no pin could name.

        Raises:
            ValueError: the version or the place of the migrations is malformed.
        """
        if type(self.version) is not int or self.version < 1:
            raise ValueError(
                f"version {self.version!r} of {self.kind} `{self.name}` is no whole number from 1"
            )
        if self.migrations is not None and not _PLACE.fullmatch(self.migrations):
            raise ValueError(
                f"migrations {self.migrations!r} of {self.kind} `{self.name}` are not `module:NAME`"
            )
