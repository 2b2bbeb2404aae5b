"""The record by which a plugin declares a component: data only, so that listing costs no import."""

from __future__ import annotations

from dataclasses import dataclass

KINDS: dict[str, str] = {
    "tokenizer": "turns captions into token ids",
    "text-encoder": "captions to word and sentence vectors",
    "image-encoder": "pictures to region and image vectors",
    "conditioner": "draws the generator's condition from a sentence",
    "attention": "brings words into a feature map",
    "stage": "one step of a generator from coarse to fine",
    "generator": "noise and text to pictures of several sizes",
    "discriminator": "judges pictures of one size",
    "loss": "a term of the adversarial game",
    "dataset": "pictures with captions",
    "metric": "a figure of generated pictures",
    "tracker": "carries a run's figures elsewhere",
    "task": "what is trained, and how one step goes",
    "kernel": "computes an attention operation",
}
"""Every kind of component, with what it does; `attnforge.interfaces.INTERFACES` has the protocols."""


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
    """Raised when the same recipe would build something else."""
