"""What reaches the page at all: the token, the host and the origin of a request."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from attnforge.errors import RunError
from attnforge.play.guard import POLICY, Guard
from attnforge.play.serving import Address, known_names, listen

TOKEN = "a-token-of-tests-only"
Codes = Callable[[Any], list[str]]


async def greet(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def visit(guard: Guard, host: str = "localhost:8765") -> TestClient:
    return TestClient(guard, base_url=f"http://{host}", follow_redirects=False)


@pytest.mark.parametrize("host", ["localhost:8765", "LOCALHOST", "127.0.0.1:1", "[::1]:8765"])
def test_the_page_is_open_on_this_machine(host: str) -> None:
    answer = visit(Guard(greet)).get("/", headers={"host": host})
    assert answer.text == "hello"
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["rebound.example", "rebound.example:8765", "127.0.0.1.rebound.example", "", "10.0.0.1"]
)
def test_another_host_is_refused(host: str, problem_codes: Codes) -> None:
    answer = visit(Guard(greet)).get("/", headers={"host": host})
    assert (answer.status_code, problem_codes(answer)) == (403, ["wrong-host"])


def test_a_numeric_address_will_do_where_the_page_is_bound_to_all() -> None:
    guard = Guard(greet, addresses=True)
    assert visit(guard).get("/", headers={"host": "10.0.0.1:8765"}).status_code == 200
    assert visit(guard).get("/", headers={"host": "rebound.example"}).status_code == 403


@pytest.mark.parametrize("origin", ["http://rebound.example", "null", "http://localhost:9999"])
def test_another_site_is_refused(origin: str, problem_codes: Codes) -> None:
    answer = visit(Guard(greet)).post("/api/images", headers={"origin": origin})
    assert (answer.status_code, problem_codes(answer)) == (403, ["wrong-host"])


def test_the_page_itself_is_not_another_site() -> None:
    assert visit(Guard(greet)).post("/", headers={"origin": "http://localhost:8765"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"cookie": "attnforge-play=wrong"},
        {"cookie": f"another={TOKEN}"},
        {"cookie": '=;"\x01'},
        {"authorization": "Bearer \xff"},
    ],
)
def test_without_the_token_nothing_is_answered(headers: dict[str, str], problem_codes: Codes) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in ("/", "/?token=wrong", f"/api/runs?token={TOKEN}", "/?token=%FF"):
        answer = visit(Guard(greet, token=TOKEN)).get(path, headers=encoded)
        assert (answer.status_code, problem_codes(answer)) == (401, ["wrong-token"])


def test_somebody_who_opens_the_page_without_the_token_reads_what_to_do() -> None:
    answer = visit(Guard(greet, token=TOKEN)).get("/", headers={"accept": "text/html,*/*"})
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.startswith("error[wrong-token]: ")
    assert "the whole address" in answer.text


def test_the_address_with_the_token_opens_the_page_and_loses_it() -> None:
    client = visit(Guard(greet, token=TOKEN))
    answer = client.get(f"/?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly; SameSite=Lax" in answer.headers["set-cookie"]
    assert client.get("/").text == "hello"
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert visit(Guard(greet, token=TOKEN)).get("/api/runs", headers=bearer).text == "hello"


def test_a_taken_port_and_a_foreign_address_are_problems() -> None:
    with listen("127.0.0.1", 0).socket as taken:
        for place, code in ((taken.getsockname(), "port-taken"), (("192.0.2.1", 0), "cannot-listen")):
            with pytest.raises(RunError) as error:
                listen(*place)
            assert [problem.code for problem in error.value.problems] == [code]


def test_names_of_an_address() -> None:
    with listen("127.0.0.1", 0).socket as bound:
        address = Address(bound, "127.0.0.1", 8765)
        assert address.is_loopback
        assert address.url(None) == "http://127.0.0.1:8765/"
        assert "127.0.0.1" in known_names(address)
        assert socket.gethostname().lower() not in known_names(address) - {"localhost"}
    with listen("0.0.0.0", 0).socket as bound:
        everywhere = replace(address, socket=bound, host="0.0.0.0")
        assert not everywhere.is_loopback
        assert everywhere.url("t") == f"http://{socket.gethostname()}:8765/?token=t"
        assert {"localhost", socket.gethostname().lower()} <= known_names(everywhere)
