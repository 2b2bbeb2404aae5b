"""The server of `attnforge play` in a thread, for tests in a browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browsers import CAPTION, GeneratingVisit

from attnforge.play import app
from attnforge.play.guard import Guard
from attnforge.play.runs import PlayedRuns
from attnforge.play.serving import listen

uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is not installed")


@contextmanager
def serving(runs: Sequence[Path]) -> Iterator[int]:
    """The port of a page with these runs."""
    address = listen("127.0.0.1", 0)
    config = uvicorn.Config(Guard(app.create_app(PlayedRuns.load(runs, device="cpu"))), log_level="warning")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [address.socket]})
    thread.start()
    try:
        yield address.port
    finally:
        running.should_exit = True
        thread.join(60)


class PlayVisit(GeneratingVisit):
    """The open page of a server."""

    def __init__(self, browser: Any, port: int, fragment: str = f"caption={CAPTION}", **options: Any) -> None:
        self.origin = f"http://127.0.0.1:{port}/"
        super().__init__(browser, f"{self.origin}#{fragment}", **options)

    def type(self, caption: str) -> None:
        """Type a caption letter by letter, faster than any answer."""
        self.page.evaluate(
            """(caption) => {
              const field = document.getElementById("caption");
              for (let end = 1; end <= caption.length; end++) {
                field.value = caption.slice(0, end);
                field.dispatchEvent(new Event("input"));
              }
            }""",
            caption,
        )
