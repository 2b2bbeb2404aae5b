"""Samples some blocks of a captions file in this process."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from attnforge.sampling.bulk.captions import CaptionReader, CheckedCaptions
from attnforge.sampling.bulk.generating import BlockGenerator
from attnforge.sampling.bulk.layouts import BlockWriter, Layout
from attnforge.sampling.bulk.plan import Part
from attnforge.sampling.bulk.writing import writing
from attnforge.storage.exclusive import exclusive

DRAFTS = ".unfinished"
"""The folder of blocks that are being written, with one folder for each part."""
QUEUED_PER_ENCODER = 8
"""Images that wait for an encoder, at most; then generating waits."""


def sample_blocks(
    generator: BlockGenerator,
    reader: CaptionReader,
    captions: CheckedCaptions,
    layout: Layout,
    *,
    part: Part,
    per_caption: int,
    encoders: int,
    progress: Callable[[int, bool], None],
    warn: Callable[[str], None],
) -> None:
    """Sample the blocks of a part that are not there yet.

    While a block is encoded and written, the next one is generated.

    Args:
        generator: Generates images.
        reader: Reads the file.
        captions: Its blocks.
        layout: How images are written.
        part: Which blocks.
        per_caption: Images of each caption.
        encoders: Threads that encode images.
        progress: Called with the images of each block, and whether they were there before.
        warn: Called where the file system has no locks.

    Raises:
        RunError: images cannot be written, or another process samples the same part.
    """
    scratch = layout.folder / DRAFTS / f"{part.number}-of-{part.count}"
    with exclusive(scratch, purpose="sampling", warn=warn):
        _clear(scratch)
        pool = ThreadPoolExecutor(encoders, thread_name_prefix="encoder")
        try:
            queue = _Queue(pool, limit=QUEUED_PER_ENCODER * encoders)
            with writing(layout.folder):
                for block in part.blocks(captions.blocks):
                    images = captions.usable[block] * per_caption
                    if layout.is_whole(block, images=images):
                        progress(images, True)
                        continue
                    writer = layout.writer(block, scratch=scratch)
                    for names, pixels in generator.images(reader.block(captions, block)):
                        for name, image in zip(names, pixels, strict=True):
                            queue.submit(writer.add, name, image)
                    queue.end_block(writer, partial(progress, images, False))
                queue.drain()
        finally:
            pool.shutdown(cancel_futures=True)
            _clear(scratch)
    for folder in (scratch, scratch.parent):
        with suppress(OSError):  # gone, or another part is at work
            folder.rmdir()


class _Queue:
    """Images on their way to the disk, in order, and the ends of their blocks among them."""

    def __init__(self, pool: ThreadPoolExecutor, *, limit: int) -> None:
        self._pool = pool
        self._limit = limit
        self._waiting: deque[Future[None] | Callable[[], None]] = deque()

    def submit(self, add: Callable[..., None], *arguments: object) -> None:
        """Encode an image; waits while too many do."""
        self._waiting.append(self._pool.submit(add, *arguments))
        while len(self._waiting) > self._limit:
            self._advance()

    def end_block(self, writer: BlockWriter, done: Callable[[], None]) -> None:
        """Finish a block when its images are encoded."""

        def finish() -> None:
            writer.finish()
            done()

        self._waiting.append(finish)

    def drain(self) -> None:
        """Wait for everything."""
        while self._waiting:
            self._advance()

    def _advance(self) -> None:
        first = self._waiting.popleft()
        if isinstance(first, Future):
            first.result()
        else:
            first()


def _clear(folder: Path) -> None:
    """Remove the drafts of a process that was stopped."""
    with suppress(OSError):
        drafts: Iterable[Path] = [path for path in folder.iterdir() if not path.name.startswith(".")]
        for draft in drafts:
            if draft.is_dir():
                shutil.rmtree(draft, ignore_errors=True)
            else:
                draft.unlink(missing_ok=True)
