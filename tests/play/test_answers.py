"""What the page's server answers: images as `attnforge sample` generates them, and problems, not faults."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from attnforge.errors import RunError
from attnforge.play.app import create_app
from attnforge.play.generation import FRAME_MILLISECONDS, animation
from attnforge.play.limits import MAX_BODY_BYTES, MAX_CAPTION_CHARACTERS, MAX_STEPS
from attnforge.play.runs import PlayedRuns
from attnforge.sampling.pipeline import Pipeline

CAPTION = "a red bird with blue wings"
QUESTION = {"run": 0, "caption": CAPTION, "noises": [1, 7]}
Codes = Callable[[Any], list[str]]


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def pixels(sample: dict[str, Any]) -> np.ndarray:
    data = base64.b64decode(sample["stages"][-1]["image"].partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)))


def test_images_are_those_of_their_noise_with_maps_of_every_word(client: Any, pipeline: Pipeline) -> None:
    results = lines(client.post("/api/images", json=QUESTION))
    assert [(result["row"], result["column"]) for result in results] == [(0, 0), (0, 1)]
    for result, seed in zip(results, QUESTION["noises"], strict=True):
        expected = pipeline.generate([CAPTION], seed=seed)[0].images[-1]
        np.testing.assert_array_equal(pixels(result["sample"]), expected)
        maps = result["sample"]["stages"][-1]["maps"]
        assert len(maps["share"]) == len(result["sample"]["words"]) == 6
        assert result["sample"]["regions"] is not None


def test_swapped_words_have_rows_of_the_same_noises(client: Any, pipeline: Pipeline) -> None:
    swaps = [["red", "yellow"], ["blue", "black"]]
    results = lines(client.post("/api/images", json={**QUESTION, "swaps": swaps}))
    captions = [CAPTION, "a yellow bird with blue wings", "a yellow bird with black wings"]
    assert [result["sample"]["caption"] for result in results[::2]] == captions
    expected = pipeline.generate(captions[2:], seed=7)[0].images[-1]
    np.testing.assert_array_equal(pixels(results[-1]["sample"]), expected)


def test_a_walk_begins_and_ends_with_its_captions_and_noises(client: Any, pipeline: Pipeline) -> None:
    other = "a yellow bird"
    question = {"run": 0, "captions": [CAPTION, other], "noises": [1, 7], "steps": 3}
    results = lines(client.post("/api/walk", json=question))
    assert [result["column"] for result in results] == [0, 1, 2]
    for result, caption, seed in ((results[0], CAPTION, 1), (results[2], other, 7)):
        expected = pipeline.generate([caption], seed=seed)[0].images[-1]
        np.testing.assert_array_equal(pixels(result["sample"]), expected)
    answer = client.post("/api/walk.gif", json=question)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    with Image.open(io.BytesIO(answer.content)) as animated:
        assert (animated.format, animated.n_frames, animated.size) == ("GIF", 4, (256, 256))
        assert animated.info["loop"] == 0, "for ever"
        shown = []
        for number in range(4):
            animated.seek(number)
            assert animated.info["duration"] == FRAME_MILLISECONDS
            shown.append(np.asarray(animated.convert("RGB"), dtype=int)[::8, ::8])
    for frame, result in zip(
        shown, [*results, results[1]], strict=True
    ):  # there and back, 32 pixels enlarged
        assert np.abs(frame - pixels(result["sample"])).mean() < 8, "up to the 256 colours of a GIF"


def test_an_animation_is_bounded(client: Any, problem_codes: Codes) -> None:
    question = {"run": 0, "captions": [CAPTION, "a yellow bird"], "noises": [1, 7]}
    for steps in (1, MAX_STEPS + 1):
        answer = client.post("/api/walk.gif", json={**question, "steps": steps})
        assert (answer.status_code, problem_codes(answer)) == (400, ["bad-request"])
    answer = client.post("/api/walk.gif", json={**question, "captions": [CAPTION, "zzyzx"]})
    assert (answer.status_code, problem_codes(answer)) == (422, ["caption-unknown"])
    greys = np.arange(MAX_STEPS, dtype=np.uint8)[:, None, None, None] * np.ones((16, 16, 3), np.uint8)
    with Image.open(io.BytesIO(animation(list(greys)))) as animated:
        assert (animated.n_frames, animated.size) == (2 * MAX_STEPS - 2, (256, 256))
    noise = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    assert len(animation(list(noise))) < 4 * 256 * 256, "what compresses least, a byte a pixel at most"
    large = np.zeros((2, 512, 256, 3), dtype=np.uint8)
    large[1] = 255
    with Image.open(io.BytesIO(animation(list(large)))) as animated:
        assert (animated.n_frames, animated.size) == (2, (256, 512)), "what is large is not enlarged"


def test_other_sampling_and_other_checkpoints_change_images(client: Any, played: PlayedRuns) -> None:
    plain = pixels(lines(client.post("/api/images", json=QUESTION))[0]["sample"])
    quiet = {**QUESTION, "sampling": {"truncation": None, "scale": 0}}
    earlier = {**QUESTION, "checkpoint": played.runs[0].checkpoints[0]}
    for question in (quiet, earlier):
        assert not np.array_equal(
            pixels(lines(client.post("/api/images", json=question))[0]["sample"]), plain
        )
    again = pixels(lines(client.post("/api/images", json=QUESTION))[0]["sample"])
    np.testing.assert_array_equal(again, plain)


def test_unknown_words_are_marked_with_the_nearest_known_one(client: Any) -> None:
    answer = client.post("/api/words", json={"run": 0, "caption": "a yelow  bird, zzzz"}).json()
    assert [(piece["text"], piece["unknown"], piece["nearest"]) for piece in answer["pieces"]] == [
        ("a", False, None),
        ("yelow", True, "yellow"),
        ("bird,", False, None),
        ("zzzz", True, None),
    ]
    assert [piece["first"] for piece in answer["pieces"]] == [0, 1, 1, 2]
    assert answer["tokens"] == ["a", "bird"]


def test_the_page_is_its_own_files_alone(client: Any) -> None:
    described = client.get("/api/runs").json()
    assert described["runs"][0]["words"][:1] != []
    assert described["runs"][0]["checkpoint"] in described["runs"][0]["checkpoints"]
    for path, kind in (("/", "text/html"), ("/play.css", "text/css"), ("/play.js", "text/javascript")):
        answer = client.get(path)
        assert answer.headers["content-type"].startswith(kind)
        addresses = answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in addresses
        assert "https://" not in addresses


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"caption": "x" * 10_000}, 422, "caption-too-long"),
        ({"caption": "quixotic zephyr"}, 422, "caption-unknown"),
        ({"caption": ""}, 422, "caption-unknown"),
        ({"caption": "<script>alert(1)</script>"}, 422, "caption-unknown"),
        ({"caption": 7}, 400, "bad-request"),
        ({"swaps": [["crimson", "blue"]]}, 422, "swap-word-missing"),
        ({"noises": [-1]}, 400, "bad-request"),
        ({"noises": list(range(17))}, 400, "bad-request"),
        ({"noises": []}, 400, "bad-request"),
        ({"sampling": {"scale": 1e400}}, 400, "bad-request"),
        ({"extras": {"box": [0, 0, 1, 1]}}, 422, "unknown-extra"),
        ({"checkpoint": "../../etc/passwd"}, 404, "no-such-model"),
        ({"run": 9}, 404, "no-such-model"),
        ({"more": 1}, 400, "bad-request"),
    ],
)
def test_what_cannot_be_generated_is_a_problem(
    client: Any, problem_codes: Codes, change: dict[str, Any], status: int, code: str
) -> None:
    body = json.dumps({**QUESTION, **change})
    answer = client.post("/api/images", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, problem_codes(answer)) == (status, [code])


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "application/json", 400, "bad-request"),
        (b'{"run": 0, "caption": "\\ud800", "noises": [1]}', "application/json", 400, "bad-request"),
        (b"[" * 50_000, "application/json", 400, "bad-request"),
        (b'{"\xff": 1}', "application/json", 400, "bad-request"),
        (json.dumps(QUESTION).encode(), "text/plain", 400, "bad-request"),
        (b" " * (MAX_BODY_BYTES + 1), "application/json", 413, "request-too-large"),
    ],
    ids=["empty", "half of a character", "deep", "not text", "a form's type", "large"],
)
def test_what_is_no_request_is_a_problem(
    client: Any, problem_codes: Codes, body: bytes, kind: str, status: int, code: str
) -> None:
    answer = client.post("/api/images", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert set(problem_codes(answer)) == {code}


@pytest.mark.parametrize(
    "caption",
    [
        "a \x00red\x07 bird \u202e with",
        "<img src=x onerror=alert(1)> a red bird",
        "red " * (MAX_CAPTION_CHARACTERS // 4),
        "r\u0301ed 🐦 红 a bird " + "\u0300" * 300,
        "zzyzx " * (MAX_CAPTION_CHARACTERS // 6 - 1) + "red",
    ],
    ids=["control characters", "markup", "as long as may be", "other scripts", "all unknown"],
)
def test_a_hostile_caption_gives_an_image(client: Any, caption: str) -> None:
    (result,) = lines(client.post("/api/images", json={"run": 0, "caption": caption, "noises": [1]}))
    assert result["sample"]["caption"] == caption
    assert client.post("/api/words", json={"run": 0, "caption": caption}).status_code == 200


class Stubborn:
    """Runs whose pipeline does what a test says."""

    def __init__(self, played: PlayedRuns, generate: Callable[[], Any]) -> None:
        self.runs = played.runs
        self.generate_one = generate

    def pipeline(self, number: int, checkpoint: str | None = None) -> Stubborn:
        return self

    @property
    def parts(self) -> Any:
        return self.runs[0].pipeline.parts

    def generate(self, captions: list[str], **options: Any) -> Any:
        return self.generate_one()


def test_a_model_that_raises_is_reported_and_the_next_request_is_answered(
    played: PlayedRuns, pipeline: Pipeline, problem_codes: Codes, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = iter(["raises", "generates", "raises", "generates", "out of memory"])

    def generate() -> Any:
        match next(outcomes):
            case "raises":
                raise ValueError("no luck")
            case "out of memory":
                raise MemoryError
        return pipeline.generate([CAPTION])

    with TestClient(create_app(Stubborn(played, generate))) as client:  # type: ignore[arg-type]
        answer = client.post("/api/images", json={**QUESTION, "noises": [1]})
        assert (answer.status_code, problem_codes(answer)) == (500, ["generation-failed"])
        assert "ValueError: no luck" in answer.text
        assert "Traceback" in capsys.readouterr().err
        first, second = lines(client.post("/api/images", json=QUESTION))
        assert first["sample"]["caption"] == CAPTION
        assert [problem["code"] for problem in second["problems"]] == ["generation-failed"]
        assert len(lines(client.post("/api/images", json={**QUESTION, "noises": [1]}))) == 1
        answer = client.post("/api/images", json=QUESTION)
        assert (answer.status_code, problem_codes(answer)) == (503, ["out-of-memory"])


def test_requests_beyond_the_queue_are_refused_and_all_others_answered(
    played: PlayedRuns, pipeline: Pipeline, problem_codes: Codes
) -> None:
    begun, release = threading.Event(), threading.Event()
    image = pipeline.generate([CAPTION])

    def generate() -> Any:
        begun.set()
        assert release.wait(60)
        return image

    question = {**QUESTION, "noises": [1]}
    app = create_app(Stubborn(played, generate), waiting=2)  # type: ignore[arg-type]
    with TestClient(app) as client, ThreadPoolExecutor(6) as threads:
        first = threads.submit(client.post, "/api/images", json=question)
        assert begun.wait(60)
        others = [threads.submit(client.post, "/api/images", json=question) for _ in range(4)]
        refused = [other for other in others if (wait_for(others), other.done())[1]]
        assert [problem_codes(other.result()) for other in refused] == [["too-many-requests"]] * 2
        assert {other.result().headers["retry-after"] for other in refused} == {"1"}
        release.set()
        assert [len(lines(done.result())) for done in (first, *others) if done not in refused] == [1] * 3


def wait_for(answers: list[Any]) -> None:
    """Until two are there: those that were refused."""
    done = threading.Semaphore(0)
    for answer in answers:
        answer.add_done_callback(lambda _: done.release())
    assert done.acquire(timeout=60)
    assert done.acquire(timeout=60)


def test_checkpoints_are_kept_up_to_a_number(played: PlayedRuns, pipeline: Pipeline) -> None:
    loaded: list[str] = []

    def load(run: Path, checkpoint: str) -> Pipeline:
        loaded.append(checkpoint)
        return pipeline

    names = ("a", "b", "c", *played.runs[0].checkpoints)
    runs = PlayedRuns([replace(played.runs[0], checkpoints=names)], load=load, kept=2)
    for name in ("a", "b", "a", "c", "a", "b"):
        runs.pipeline(0, name)
    assert loaded == ["a", "b", "c", "b"]
    with pytest.raises(RunError, match="no checkpoint 'd'"):
        runs.pipeline(0, "d")
