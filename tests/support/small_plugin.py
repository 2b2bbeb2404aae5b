"""A plugin that declares the small parts; like every plugin's module it imports no torch."""

from attnforge.plugin import Component, hookimpl

PARTS = [
    ("tokenizer", "words", "Words"),
    ("dataset", "birds", "Birds"),
    ("dataset", "fish", "Fish"),
    ("text-encoder", "reader", "Reader"),
    ("image-encoder", "looker", "Looker"),
    ("attention", "glance", "Glance"),
    ("attention", "stare", "Stare"),
    ("conditioner", "noise", "Noise"),
    ("stage", "step", "Step"),
    ("generator", "tower", "Tower"),
    ("generator", "fragile", "Fragile"),
    ("task", "play", "Play"),
    ("loss", "term", "Term"),
    ("loss", "nameless", "Nameless"),
    ("loss", "vanished", "Vanished"),
]


@hookimpl
def attnforge_components():
    return [Component(kind, name, f"small_parts:{target}", f"a small {kind}") for kind, name, target in PARTS]
