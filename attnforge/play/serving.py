"""Listens on a port and serves the page until it is interrupted."""

from __future__ import annotations

import errno
import ipaddress
import secrets
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass

import uvicorn

from attnforge.errors import Problem, RunError
from attnforge.play.app import create_app
from attnforge.play.guard import LOOPBACK_NAMES, Guard
from attnforge.play.limits import MAX_CONNECTIONS
from attnforge.play.runs import PlayedRuns

GRACE_SECONDS = 3
"""How long answers that are being sent may take after an interrupt."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the page listens."""

    socket: socket.socket
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.socket.getsockname()[0].partition("%")[0]).is_loopback

    @property
    def is_everywhere(self) -> bool:
        """Whether it listens on all addresses of the machine."""
        return ipaddress.ip_address(self.socket.getsockname()[0].partition("%")[0]).is_unspecified

    def url(self, token: str | None) -> str:
        """What to open in a browser."""
        name = socket.gethostname() if self.is_everywhere else self.host
        shown = f"[{name}]" if ":" in name else name
        return f"http://{shown}:{self.port}/" + (f"?token={token}" if token else "")


def listen(host: str, port: int) -> Address:
    """Reserve a port, before runs are loaded; 0 takes any that is free.

    Raises:
        RunError: the port is taken, or the address cannot be used.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(128)
    except OSError as error:
        raise RunError(_unusable(host, port, error)) from error
    return Address(listening, host, listening.getsockname()[1])


def serve(
    runs: PlayedRuns,
    address: Address,
    *,
    token: str | None = None,
    hosts: Collection[str] = (),
    ready: Callable[[str], None],
) -> None:
    """Serve the page until the process is interrupted.

    Args:
        runs: The loaded runs.
        address: Where to listen.
        token: What opens the page; by default one is made where others than this machine reach it.
        hosts: Further names under which the page may be opened.
        ready: Called with the address to open.
    """
    if token is None and not address.is_loopback:
        token = secrets.token_urlsafe(24)
    guard = Guard(
        create_app(runs),
        hosts=known_names(address) | {name.lower() for name in hosts},
        addresses=address.is_everywhere,
        token=token,
        cookie=f"attnforge-play-{address.port}",
    )
    config = uvicorn.Config(
        guard,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    ready(address.url(token))
    uvicorn.Server(config).run(sockets=[address.socket])


def known_names(address: Address) -> frozenset[str]:
    """The names under which a page may be opened: those of this machine, as far as it listens there."""
    names = {address.host.lower()}
    if address.is_loopback or address.is_everywhere:
        names |= LOOPBACK_NAMES
    if not address.is_loopback:
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names)


def _unusable(host: str, port: int, error: OSError) -> Problem:
    if error.errno == errno.EADDRINUSE:
        return Problem(
            code="port-taken",
            message=f"port {port} of {host} is taken by another program",
            expected="a free port, or 0 for any that is free",
            next_step="attnforge play RUN --port 0",
        )
    return Problem(
        code="cannot-listen",
        message=f"the page cannot listen on {host}, port {port}: {error.strerror or error}",
        expected="an address of this machine, and a port from 1024 on",
        next_step="attnforge play RUN --host 127.0.0.1 --port 0",
    )
