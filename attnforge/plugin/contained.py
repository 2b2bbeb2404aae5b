"""Running a plugin's code so that what it does to the process stays its own.

It runs in this process, so it can always end it (`os._exit`) or hold it for ever. What can be survived is:
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
"""After so long, the user is told whom a command waits for."""


@contextmanager
def streams_kept() -> Iterator[None]:
    """Send to stderr what is printed inside, so that stdout holds a command's own output alone.

    Streams that were closed or replaced inside are put back.
    """
    out, err, inside = sys.stdout, sys.stderr, _Borrowed(sys.stderr)
    sys.stdout = sys.stderr = inside
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


@contextmanager
def descriptors_kept() -> Iterator[None]:
    """Like `streams_kept`, also for what is printed to or done with the descriptors beneath the streams.

    For the import of a plugin's module, which happens once; the copies cost some system calls.
    """
    kept = {}
    for number in (1, 2):
        try:
            kept[number] = os.dup(number)
        except OSError:  # it was closed before
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
def waited_for(plugin: str, what: str, told: set[str]) -> Iterator[None]:
    """Say on stderr, once, for which plugin the command waits when it takes long.

    Args:
        plugin: The plugin's name.
        what: What it does, such as `attnforge_epoch_end`.
        told: What was said before; what is said now is added.
    """
    line = f"waiting for {what} of plugin {plugin}; `attnforge --no-plugin {plugin}` goes without it"
    if line in told:
        yield
        return
    timer = threading.Timer(SLOW_SECONDS, _tell, [sys.stderr, line, told])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@dataclass(frozen=True, slots=True)
class TorchGlobals:
    """What torch keeps for the whole process or thread, and a plugin could leave changed."""

    grad: bool
    dtype: Any
    device: Any
    matmul: str
    deterministic: bool
    threads: int

    @classmethod
    def now(cls) -> TorchGlobals | None:
        """As they are; None while nobody has imported torch."""
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
        """Put back what has changed since; gives the names of what had."""
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
            # Where no default was set it is the CPU; setting that would be a mode of its own.
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
    """Put torch's globals back when they were changed inside.

    Raises:
        RuntimeError: they were changed; it names them.
    """
    before = TorchGlobals.now()
    try:
        yield
    except BaseException:
        if before is not None:
            before.restore()
        raise
    if before is not None and (changed := before.restore()):
        raise RuntimeError(f"it left {' and '.join(changed)} of torch changed, which is put back")


class _Borrowed(io.TextIOBase):
    """A stream lent to a plugin, which may close it."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        if self._stream is not None:
            try:
                self._stream.write(text)
            except (OSError, ValueError):  # nobody reads, or the stream beneath was closed
                return len(text)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None and not self._stream.closed:
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and not self._stream.closed and self._stream.isatty()

    @property
    def buffer(self) -> BinaryIO:
        """The bytes beneath, as of any text stream of a process."""
        return cast("BinaryIO", getattr(self._stream, "buffer"))  # noqa: B009

    def fileno(self) -> int:
        if self._stream is None:
            raise OSError("there is no stream")
        return self._stream.fileno()

    def close(self) -> None:
        """Nothing: it is not the plugin's to close."""


def _opened(stream: TextIO, number: int) -> TextIO:
    """The stream, or a new one on its descriptor when it was closed."""
    if stream is None or not stream.closed:
        return stream
    return open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)


def _tell(stream: TextIO | None, line: str, told: set[str]) -> None:
    told.add(line)
    print_text(line, stream=stream)
