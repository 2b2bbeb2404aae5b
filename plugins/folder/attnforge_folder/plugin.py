"""Declares this plugin's components: data sets of images with captions, in a folder or in shards."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the components."""
    return [
        Component(
            kind="dataset",
            name="folder",
            target="attnforge_folder.dataset:Folder",
            summary="a folder of images with metadata.jsonl or metadata.csv, or of Parquet tables",
        ),
        Component(
            kind="dataset",
            name="images",
            target="attnforge_folder.images:Images",
            summary="a folder of images without captions",
        ),
        Component(
            kind="dataset",
            name="shards",
            target="attnforge_folder.shards:Shards",
            summary="tar files of the WebDataset format with images and captions",
        ),
    ]
