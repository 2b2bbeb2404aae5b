"""What reaches the page at all: the right host, no other site, and the token where one is needed."""

from __future__ import annotations

import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from attnforge.errors import Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuses requests before anything else sees them, and adds headers to every answer.

    A page of another site can send requests to this machine, and a name of its own can lead here. So the
    `Host` of a request must be one of `hosts`, and its `Origin`, if it has one, the same.

    Args:
        app: What answers the others.
        hosts: The names under which the page is opened, in lower case.
        addresses: Whether any numeric address will do, which no other site can own; for a page bound to all.
        token: Required in a cookie, or as a bearer; None where the page is only for this machine.
        cookie: The name of the cookie, which must differ between pages of one machine.
    """

    app: Application
    hosts: Collection[str] = LOOPBACK_NAMES
    addresses: bool = False
    token: str | None = None
    cookie: str = "attnforge-play"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI defines it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # a websocket, which the page has none of
            await send({"type": "websocket.close", "code": 1008})
            return
        send = _with_headers(send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if (problem := self._wrong_host(headers)) is not None:
            await _refuse(send, 403, problem, headers)
        elif self._opens_with_token(scope):
            await self._remember(send)
        elif not self._has_token(headers):
            await _refuse(send, 401, _wrong_token(), headers)
        else:
            await self.app(scope, receive, send)

    def _wrong_host(self, headers: dict[str, str]) -> Problem | None:
        host = headers.get("host", "")
        origin = headers.get("origin")
        if not self._is_known(host):
            message = f"the page is not served under the name {_shortened(host)!r}"
            expected = f"one of {', '.join(sorted(self.hosts))}"
            return Problem("wrong-host", message, None, expected, "attnforge play RUN --allow-host NAME")
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            message = f"the request comes from another site, {_shortened(origin)!r}"
            return Problem("wrong-host", message, expected=f"a request of the page at {host}")
        return None

    def _is_known(self, host: str) -> bool:
        name = _without_port(host).lower()
        return name in self.hosts or (self.addresses and _is_address(name))

    def _opens_with_token(self, scope: Scope) -> bool:
        if self.token is None or scope["path"] != "/" or scope["method"] != "GET":
            return False
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=10)
        return any(self._matches(value) for value in query.get("token", []))

    def _has_token(self, headers: dict[str, str]) -> bool:
        if self.token is None:
            return True
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._matches(bearer.strip()):
            return True
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return self.cookie in cookies and self._matches(cookies[self.cookie].value)

    def _matches(self, value: str) -> bool:
        assert self.token is not None  # noqa: S101
        return hmac.compare_digest(value.encode(), self.token.encode())

    async def _remember(self, send: Send) -> None:
        """Move the token from the address into a cookie; browsers keep what is behind `#`."""
        cookie = f"{self.cookie}={self.token}; HttpOnly; SameSite=Lax; Path=/"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def problems_json(*problems: Problem) -> bytes:
    """Problems as the page reads them."""
    fields = [
        {"code": problem.code, "message": problem.message, "expected": problem.expected}
        for problem in problems
    ]
    return json.dumps({"problems": fields}).encode()


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await send(message)

    return sending


async def _refuse(send: Send, status: int, problem: Problem, headers: Mapping[str, str]) -> None:
    """Answer with a problem: as text to somebody who opens the page, as JSON to the page."""
    shown = "text/html" in headers.get("accept", "")
    body = str(problem).encode(errors="replace") if shown else problems_json(problem)
    kind = b"text/plain; charset=utf-8" if shown else b"application/json"
    fields = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def _wrong_token() -> Problem:
    return Problem(
        code="wrong-token",
        message="the page is not open to everybody, and the request has no valid token",
        expected="the whole address that `attnforge play` printed, with its token",
    )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] or host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _shortened(text: str) -> str:
    return text[:100]
