"""Finds truncated PNG files that Pillow opens without complaint."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_BYTES = 33
"""The signature and the chunk IHDR, which must come first."""
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples per pixel for each colour type."""
CHUNK_BYTES = 1 << 20
"""Bytes that are decompressed at a time; they are counted and discarded."""


def png_size(header: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG file from its first 33 bytes; None for other files."""
    if not header.startswith(SIGNATURE) or header[12:16] != b"IHDR" or len(header) < HEADER_BYTES:
        return None
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])


def missing_rows(data: bytes) -> int:
    """How many rows of pixels a PNG file lacks; 0 for complete files, interlaced ones and other formats.

    Nothing is decompressed beyond the rows that the header declares.

    Raises:
        zlib.error: the pixels are damaged.
    """
    size = png_size(data)
    if size is None:
        return 0
    width, height = size
    depth, colour_type, interlaced = data[24], data[25], data[28]
    row = 1 + (width * depth * CHANNELS.get(colour_type, 0) + 7) // 8
    if interlaced or row == 1:
        return 0
    return max(0, height - _decompressed_size(data, limit=row * height) // row)


def _decompressed_size(data: bytes, *, limit: int) -> int:
    """How many bytes the pixel data decompresses to, counted up to `limit`."""
    stream, size = zlib.decompressobj(), 0
    for packed in _pixel_chunks(data):
        while packed and size < limit and not stream.eof:
            size += len(stream.decompress(packed, min(CHUNK_BYTES, limit - size)))
            packed = stream.unconsumed_tail
    return size


def _pixel_chunks(data: bytes) -> Iterator[bytes]:
    start = len(SIGNATURE)
    while start + 8 <= len(data):
        length, kind = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8]
        if kind == b"IDAT":
            yield data[start + 8 : start + 8 + length]
        start += 12 + length
