"""Runs a plugin's code and undoes its effects on the process.

It runs in this process, so it can always end it (`os._exit`) or block it for ever. What can be contained:
streams that it prints to, closes or replaces, globals of torch that it changes, and exceptions of any kind.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, TextIO, cast

from attnforge.terminal import print_text

SLOW_SECONDS = 1.0
"""After this time, the plugin that a command waits for is reported."""


@contextmanager
def streams_kept() -> Iterator[None]:
    """Redirect stdout to stderr inside, so that stdout contains only the command's own output.

    Streams that were closed or replaced inside are restored.
    """
    out, err, inside = sys.stdout, sys.stderr, _Borrowed(sys.stderr)
    sys.stdout = sys.stderr = inside
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


@contextmanager
def descriptors_kept() -> Iterator[None]:
    """Like `streams_kept`, also for the file descriptors beneath the streams.

    For the import of a plugin's module, which happens once; copying descriptors costs some system calls.
    """
    kept = {}
    for number in (1, 2):
        try:
            kept[number] = os.dup(number)
        except OSError:  # it was already closed
            continue
    if sys.stdout is not None and not sys.stdout.closed:
        with suppress(OSError):
            sys.stdout.flush()
    if len(kept) == 2:
        os.dup2(2, 1)
    try:
        with streams_kept():
            yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
        sys.stdout = _opened(sys.stdout, 1)
        sys.stderr = _opened(sys.stderr, 2)


@contextmanager
def waited_for(plugin: str, what: str, reported: set[str]) -> Iterator[None]:
    """Report on stderr, once, which plugin the command is waiting for when it takes long.

    Args:
        plugin: The plugin's name.
        what: What it does, such as `attnforge_epoch_end`.
        reported: Lines printed before; a new line is added.
    """
    line = f"waiting for {what} of plugin {plugin}; `attnforge --no-plugin {plugin}` disables it"
    if line in reported:
        yield
        return
    timer = threading.Timer(SLOW_SECONDS, _report, [sys.stderr, line, reported])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@dataclass(frozen=True, slots=True)
class TorchGlobals:
    """Torch's settings for the process or thread, which a plugin could leave changed."""

    grad: bool
    dtype: Any
    device: Any
    matmul: str
    deterministic: bool
    threads: int

    @classmethod
    def current(cls) -> TorchGlobals | None:
        """The current settings; None while torch is not imported."""
        torch: Any = sys.modules.get("torch")
        if torch is None or not hasattr(torch, "get_default_device"):  # half imported
            return None
        return cls(
            grad=torch.is_grad_enabled(),
            dtype=torch.get_default_dtype(),
            device=torch.get_default_device(),
            matmul=torch.get_float32_matmul_precision(),
            deterministic=torch.are_deterministic_algorithms_enabled(),
            threads=torch.get_num_threads(),
        )

    def restore(self) -> list[str]:
        """Restore what has changed since; returns the names of those settings."""
        torch: Any = sys.modules["torch"]
        changed = []
        if torch.is_grad_enabled() is not self.grad:
            changed.append("the gradient mode")
            torch.set_grad_enabled(self.grad)
        if torch.get_default_dtype() is not self.dtype:
            changed.append("the default dtype")
            torch.set_default_dtype(self.dtype)
        if torch.get_default_device() != self.device:
            changed.append("the default device")
            # Without a default it is the CPU; setting the CPU would enable a device mode.
            torch.set_default_device(None if self.device.type == "cpu" else self.device)
        if torch.get_float32_matmul_precision() != self.matmul:
            changed.append("the precision of matrix products")
            torch.set_float32_matmul_precision(self.matmul)
        if torch.are_deterministic_algorithms_enabled() is not self.deterministic:
            changed.append("the choice of deterministic algorithms")
            torch.use_deterministic_algorithms(self.deterministic)
        if torch.get_num_threads() != self.threads:
            changed.append("the number of threads")
            torch.set_num_threads(self.threads)
        return changed


@contextmanager
def torch_kept() -> Iterator[None]:
    """Restore torch's globals if they were changed inside.

    Raises:
        RuntimeError: they were changed; the message names them.
    """
    before = TorchGlobals.current()
    try:
        yield
    except BaseException:
        if before is not None:
            before.restore()
        raise
    if before is not None and (changed := before.restore()):
        raise RuntimeError(f"it changed {' and '.join(changed)} of torch, which was restored")


class _Borrowed(io.TextIOBase):
    """A proxy for a stream, which a plugin may close."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        if self._stream is not None:
            try:
                self._stream.write(text)
            except (OSError, ValueError):  # the pipe or the stream beneath is closed
                return len(text)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None and not self._stream.closed:
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and not self._stream.closed and self._stream.isatty()

    @property
    def buffer(self) -> BinaryIO:
        """The binary buffer beneath, as of any standard stream."""
        return cast("BinaryIO", getattr(self._stream, "buffer"))  # noqa: B009

    def fileno(self) -> int:
        if self._stream is None:
            raise OSError("there is no stream")
        return self._stream.fileno()

    def close(self) -> None:
        """Do nothing: the stream does not belong to the plugin."""


def _opened(stream: TextIO, number: int) -> TextIO:
    """The stream, or a new one on its descriptor if it was closed."""
    if stream is None or not stream.closed:
        return stream
    return open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)


def _report(stream: TextIO | None, line: str, reported: set[str]) -> None:
    reported.add(line)
    print_text(line, stream=stream)
