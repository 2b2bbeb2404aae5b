"""The checks of every kind of component."""

from __future__ import annotations

from attnforge.testing.check import Check, checks
from attnforge.testing.checks import (
    attention,
    conditioner,
    dataset,
    declaration,
    discriminator,
    feature_network,
    generator,
    image_encoder,
    kernel,
    loss,
    metric,
    network,
    plugin_module,
    recipe,
    sampler,
    scorer,
    stage,
    task,
    text_encoder,
    tokenizer,
    tracker,
)

_OF_ALL_KINDS = (*declaration.CHECKS, *plugin_module.CHECKS)
OF_PLUGIN_MODULE = tuple(check.__name__ for check in plugin_module.CHECKS)
"""The checks of the module that declares a component."""
_OF_KIND = {
    "tokenizer": tokenizer.CHECKS,
    "text-encoder": text_encoder.CHECKS,
    "image-encoder": image_encoder.CHECKS,
    "conditioner": conditioner.CHECKS,
    "attention": attention.CHECKS,
    "stage": stage.CHECKS,
    "generator": generator.CHECKS,
    "discriminator": discriminator.CHECKS,
    "loss": loss.CHECKS,
    "sampler": sampler.CHECKS,
    "scorer": scorer.CHECKS,
    "dataset": dataset.CHECKS,
    "feature-network": feature_network.CHECKS,
    "metric": metric.CHECKS,
    "tracker": tracker.CHECKS,
    "task": task.CHECKS,
    "kernel": kernel.CHECKS,
}


def checks_of(kind: str) -> tuple[Check, ...]:
    """The checks of a kind of component, in the order in which they run.

    Args:
        kind: One of `attnforge.plugin.KINDS`.
    """
    functions = list(_OF_ALL_KINDS)
    if kind != "kernel":  # no slot of a recipe holds a kernel
        functions += recipe.CHECKS
    if kind in network.KINDS:
        functions += network.CHECKS
    return checks([*functions, *_OF_KIND[kind]])


__all__ = ["Check", "checks_of"]
