"""The page's server: its files, and images as lines of JSON while they are generated."""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import cache, partial
from importlib.resources import files
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from attnforge.errors import AttnforgeError, Problem
from attnforge.play.generation import animate_walk, generate_images, generate_walk
from attnforge.play.guard import problems_json
from attnforge.play.limits import (
    BODY_SECONDS,
    MAX_BODY_BYTES,
    MAX_CAPTION_CHARACTERS,
    MAX_NOISES,
    MAX_SEED,
    MAX_STEPS,
    MAX_SWAPS,
    MAX_WAITING,
)
from attnforge.play.requests import ImagesRequest, WalkRequest, WordsRequest, read_request
from attnforge.play.runs import PlayedRuns
from attnforge.play.words import read_words
from attnforge.play.worker import BusyError, Job, Worker
from attnforge.run.machine import problem_of
from attnforge.sheets.inlined import filled

Result = TypeVar("Result")

LIMITS = {
    "characters": MAX_CAPTION_CHARACTERS,
    "noises": MAX_NOISES,
    "seed": MAX_SEED,
    "steps": MAX_STEPS,
    "swaps": MAX_SWAPS,
    "animations": True,
}
REPORT, PAGE = ("attnforge.report", "template"), ("attnforge.play", "page")
"""The package and folder of the files of reports, whose look and maps are the same, and of the page's own."""
STYLE, SCRIPT = "play.css", "play.js"
"""The addresses of both, beside the page's."""
STYLES = ((*REPORT, "report.css"), (*PAGE, "page.css"))
SCRIPTS = (
    *((*REPORT, name) for name in ("dom.js", "maps.js")),
    *((*PAGE, name) for name in ("state.js", "questions.js", "service.js", "words.js", "tiles.js")),
    *(
        (*PAGE, name)
        for name in ("detail.js", "views.js", "saving.js", "controls.js", "extras.js", "page.js")
    ),
)


def create_app(runs: PlayedRuns, *, waiting: int = MAX_WAITING) -> FastAPI:
    """The server of a page, without the checks of `Guard`.

    Args:
        runs: What generates.
        waiting: Requests that may wait for their turn.
    """
    worker = Worker(waiting=waiting)

    @asynccontextmanager
    async def closing(_: FastAPI) -> AsyncIterator[None]:
        yield
        worker.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=closing)

    @app.exception_handler(AttnforgeError)
    async def refused(_: Request, error: AttnforgeError) -> Response:
        return _problems(error)

    @app.get("/")
    async def page() -> Response:
        return Response(_page(), media_type="text/html")

    @app.get(f"/{STYLE}")
    async def style() -> Response:
        return Response(_joined(*STYLES), media_type="text/css")

    @app.get(f"/{SCRIPT}")
    async def script() -> Response:
        return Response(_joined(*SCRIPTS), media_type="text/javascript")

    @app.get("/api/runs")
    async def described() -> Response:
        return JSONResponse({"runs": [run.describe() for run in runs.runs], "limits": LIMITS})

    @app.post("/api/words")
    async def words(request: Request) -> Response:
        question = read_request(WordsRequest, await _body(request))
        tokenizer = runs[question.run].pipeline.parts.tokenizer
        return JSONResponse(await asyncio.to_thread(read_words, question.caption, tokenizer))

    @app.post("/api/images")
    async def images(request: Request) -> Response:
        question = read_request(ImagesRequest, await _body(request))
        return await _stream(worker, request, partial(generate_images, runs, question))

    @app.post("/api/walk")
    async def walk(request: Request) -> Response:
        question = read_request(WalkRequest, await _body(request))
        return await _stream(worker, request, partial(generate_walk, runs, question))

    @app.post("/api/walk.gif")
    async def walk_gif(request: Request) -> Response:
        question = read_request(WalkRequest, await _body(request))
        job = worker.start(partial(animate_walk, runs, question))
        result = await _first(job, request)
        return Response(status_code=499) if result is None else Response(result, media_type="image/gif")

    return app


async def _body(request: Request) -> bytes:
    """The body of a request, of limited size and time.

    Raises:
        AttnforgeError: it is too large, too slow, or not sent as JSON, as a form of another site would be.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise AttnforgeError(
            Problem("bad-request", "the request is not JSON", expected="the content type application/json")
        )
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BODY_BYTES:
                    message = f"the request is larger than {MAX_BODY_BYTES:,} bytes"
                    raise AttnforgeError(
                        Problem("request-too-large", message, expected="a shorter caption, or fewer images")
                    )
    except TimeoutError:
        message = f"the request did not arrive within {BODY_SECONDS:g} seconds"
        raise AttnforgeError(Problem("bad-request", message, expected="the same again")) from None
    return bytes(body)


async def _stream(
    worker: Worker, request: Request, produce: Callable[[], Iterator[Mapping[str, Any]]]
) -> Response:
    """Results as lines of JSON, each sent when it is there; nothing more is generated for a closed page."""
    job = worker.start(produce)
    first = await _first(job, request)
    if first is None:
        return Response(status_code=499)

    async def lines() -> AsyncIterator[bytes]:
        try:
            yield _line(first)
            async for result in job:
                yield _line(result)
        except Exception as error:
            yield problems_json(*_problems_of(error)) + b"\n"
        finally:
            job.cancel()

    return StreamingResponse(lines(), media_type="application/x-ndjson")


async def _first(job: Job[Result], request: Request) -> Result | None:
    """The first result of a job; None when the page was closed before it was there.

    Raises:
        AttnforgeError: the job has failed.
    """
    result = asyncio.ensure_future(job.__anext__())
    closed = asyncio.ensure_future(_closed(request))
    try:
        await asyncio.wait({result, closed}, return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            job.cancel()
            return None
        return result.result()
    except AttnforgeError:
        raise
    except Exception as error:
        raise AttnforgeError(_problems_of(error)) from error
    finally:
        closed.cancel()
        result.cancel()


async def _closed(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _problems_of(error: Exception) -> tuple[Problem, ...]:
    """What to show of an error; one that is no problem of the request is printed, with its traceback."""
    if isinstance(error, AttnforgeError):
        return error.problems
    if (problem := problem_of(error)) is not None:
        return (problem,)
    traceback.print_exception(error, file=sys.stderr)
    message = f"the model has failed: {type(error).__name__}: {error}"[:500]
    expected = "a model that generates; the traceback is where `attnforge play` runs"
    return (Problem("generation-failed", message, expected=expected),)


STATUS = {
    "too-many-requests": 429,
    "request-too-large": 413,
    "bad-request": 400,
    "no-such-model": 404,
    "generation-failed": 500,
    "out-of-memory": 503,
}
"""Of answers with problems of these codes; others are 422: what was asked for cannot be generated."""


def _problems(error: AttnforgeError) -> Response:
    status = STATUS.get(error.problems[0].code, 422)
    headers = {"retry-after": "1"} if isinstance(error, BusyError) else {}
    return Response(
        problems_json(*error.problems), status_code=status, media_type="application/json", headers=headers
    )


def _line(result: Mapping[str, Any]) -> bytes:
    return json.dumps(result, separators=(",", ":")).encode() + b"\n"


def _page() -> str:
    parts = {
        "title": "attnforge play",
        "head": f'<link rel="stylesheet" href="{STYLE}">',
        "scripts": f'<script src="{SCRIPT}"></script>',
    }
    return filled(_joined((*PAGE, "page.html")), parts)


@cache
def _joined(*places: tuple[str, str, str]) -> str:
    return "\n".join((files(package) / folder / name).read_text("utf-8") for package, folder, name in places)
