"""The plugin of the aged parts as it was when the run was trained."""

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    return [
        Component("attention", "aged", "aged_parts:AgedAttention", "attends", 1),
        Component("tokenizer", "aged-words", "aged_parts:AgedTokenizer", "words", 1),
    ]
