"""Declares this plugin's component: a data set of a folder of images with captions."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the component."""
    return [
        Component(
            kind="dataset",
            name="folder",
            target="attnforge_folder.dataset:Folder",
            summary="a folder of images with metadata.jsonl or metadata.csv",
        )
    ]
