"""Reads a folder of images with captions: its metadata, and where its images are stored."""

from __future__ import annotations

from pathlib import Path

from attnforge.data.images.stored import ImageFolder, ImageStore
from attnforge.data.reading.metadata import Metadata, read_metadata
from attnforge.data.reading.metadata_files import metadata_files
from attnforge.data.reading.parquet import parquet_files, read_parquet


def read_stored(root: Path) -> tuple[Metadata, ImageStore]:
    """The metadata of a folder and its images, in files or in tables; bad content never raises."""
    if not metadata_files(root).files and (tables := parquet_files(root)):
        return read_parquet(root, tables)
    metadata = read_metadata(root)
    return metadata, ImageFolder(root, metadata.rows.file_names)
