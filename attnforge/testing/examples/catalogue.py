"""The examples as components, so that recipes can use them next to the tested component."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import attnforge
from attnforge.plugin import KINDS, Component, Plugin, PluginCatalogue, Registry

NAME = "conformance-example"
"""The name of the example of each kind in recipes."""
_TARGETS = {
    "tokenizer": "texts:ExampleTokenizer",
    "text-encoder": "texts:ExampleTextEncoder",
    "image-encoder": "images:ExampleImageEncoder",
    "conditioner": "generators:ExampleConditioner",
    "attention": "generators:ExampleAttention",
    "stage": "generators:ExampleStage",
    "generator": "generators:ExampleGenerator",
    "discriminator": "images:ExampleDiscriminator",
    "loss": "adversarial:ExampleLoss",
    "sampler": "sampling:ExampleSampler",
    "scorer": "sampling:ExampleScorer",
    "dataset": "texts:ExampleDataset",
    "feature-network": "metrics:ExampleFeatureNetwork",
    "metric": "metrics:ExampleMetric",
    "tracker": "metrics:ExampleTracker",
    "task": "adversarial:ExampleTask",
    "kernel": "kernels:ExampleKernel",
}
_NAMES = {"kernel": f"word-attention-{NAME}"}


def examples() -> tuple[Component, ...]:
    """The example of every kind."""
    return tuple(
        Component(
            kind,
            _NAMES.get(kind, NAME),
            f"attnforge.testing.examples.{_TARGETS[kind]}",
            f"a small {kind} for conformance checks",
        )
        for kind in KINDS
    )


def with_examples(catalogue: PluginCatalogue, *, only: Iterable[Component] | None = None) -> PluginCatalogue:
    """A catalogue that also holds the examples.

    Args:
        catalogue: The other plugins and components.
        only: The components of the catalogue that are kept; all when not given.
    """
    own = Plugin("conformance", __name__, "attnforge", attnforge.__version__, components=examples())
    kept = tuple(catalogue.registry if only is None else only)
    plugins = tuple(
        replace(plugin, components=tuple(component for component in plugin.components if component in kept))
        for plugin in catalogue.plugins
        if plugin.reason is None and plugin.name != own.name
    )
    registry = Registry([*kept, *own.components])
    return PluginCatalogue(plugins=(*plugins, own), registry=registry, manager=catalogue.manager)
