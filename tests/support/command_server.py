"""A process that has imported what commands import, and becomes each command by forking.

A command that trains or samples imports torch and every plugin, and libraries prepare themselves in its
first step, which takes most of its time. Here that is done once; a fork of this process then is the command,
down to the end of its interpreter unless the request is `quick`. It is started by `commands` as a program of
its own, with the number of a socket as its argument.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import selectors
import signal
import socket
import sys
import tempfile
from contextlib import redirect_stdout, suppress
from importlib import import_module
from typing import Any

from tiny_run import TINY

LONGEST_REQUEST = 1 << 20
COMMANDS = ("attnforge.cli.train", "attnforge.cli.eval", "attnforge.cli.sample", "attnforge.run.training")
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def preload() -> None:
    """Import the module of every component and what trains, samples and measures with it."""
    from attnforge.plugin import load_plugins

    for module in COMMANDS:
        import_module(module)
    plugins = load_plugins()
    assert [plugin.reason for plugin in plugins.plugins if plugin.reason] == []
    for component in plugins.registry:
        plugins.registry.load(component)
    warm_up()
    gc.collect()
    gc.freeze()  # a fork that looked for garbage in what is here would copy all of its memory
    atexit.register(gc.unfreeze)  # some modules report what is never freed


def warm_up() -> None:
    """Train for a moment on the CPU: what libraries prepare in a first step, forks need not prepare."""
    from attnforge.cli import run

    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        words = ["training.device=cpu", "training.threads=1", "--out", f"{folder}/run"]
        assert run(["train", "quickstart", *TINY, *words]) == 0


def serve(requests: socket.socket) -> None:
    """Fork for each request; returns in the fork, as the command, and leaves the process when nobody asks."""
    children: dict[int, int] = {}
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(requests, selectors.EVENT_READ)
    selector.register(reading, selectors.EVENT_READ)
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if reading in ready:
            os.read(reading, 4096)
            report_ends(children)
        if requests not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(requests, LONGEST_REQUEST, 3)
        if not message:
            os._exit(0)  # nothing to save, and much to unload
        while not message.endswith(b"\n"):
            message += requests.recv(LONGEST_REQUEST)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for descriptor in (reading, writing, *children.values()):
                os.close(descriptor)
            selector.close()
            requests.close()
            become(json.loads(message), *descriptors)
            return
        *streams, status = descriptors
        children[pid] = status
        for descriptor in streams:
            os.close(descriptor)


def report_ends(children: dict[int, int]) -> None:
    """Tell the exit code of each child that ended, and forget it."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            with suppress(BrokenPipeError):  # whoever asked has left
                os.write(children[pid], b"%d\n" % os.waitstatus_to_exitcode(status))
            os.close(children.pop(pid))


def become(request: dict[str, Any], stdout: int, stderr: int, status: int) -> None:
    """Make this process what it would be had the request started it as a program in a session of its own."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for stopping in STOPPING:
        default = signal.default_int_handler if stopping == signal.SIGINT else signal.SIG_DFL
        signal.signal(stopping, signal.SIG_IGN if stopping in request["ignored"] else default)
    for descriptor, number, name in ((stdout, 1, "stdout"), (stderr, 2, "stderr")):
        os.dup2(descriptor, number)
        os.close(descriptor)
        # as opened at the start of an unbuffered Python, whose stream knows that a pipe has no positions
        stream = io.TextIOWrapper(io.FileIO(number, "wb", closefd=False), "utf-8", write_through=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.argv = ["attnforge", *request["arguments"]]
    os.write(status, b"%d\n" % os.getpid())
    os.close(status)
    if request["quick"]:
        leave_at_once()


def leave_at_once() -> None:
    """Be the command, without ending the interpreter, which takes a second to unload all that was loaded."""
    from attnforge.cli import main

    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file, which a command does not have
    preload()
    serve(socket.socket(fileno=int(sys.argv[1])))
    from attnforge.cli import main

    main()
