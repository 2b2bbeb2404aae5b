"""The plugin of the aged parts as it is now."""

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    migrations = "aged_migrations:ATTENTION"
    return [
        Component("attention", "aged", "aged_parts:Attention", "attends", 3, migrations),
        Component(
            "tokenizer",
            "aged-words",
            "attnforge_attngan.tokenizer:WordTokenizer",
            "words",
            2,
            "aged_migrations:TOKENIZER",
        ),
    ]
