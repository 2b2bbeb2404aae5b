"""Measures the page of a run: how long captions take with several pages at a time, what is lost, and memory.

    python benchmarks/play.py runs/birds

Starts `attnforge play` in a process of its own, and asks it as pages do, over HTTP on this machine. Each
request is a caption with eight noises; its time is from the question to its last image.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles

COLOURS = ("red", "blue", "yellow", "black", "white", "green", "brown", "grey")
BUSY = 429
RETRY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Load:
    """What the server did under load; times in milliseconds."""

    requests: int
    at_a_time: int
    lost: int
    """Requests without all of their images."""
    busy: int
    """Answers that asked to come again."""
    first_image_p50: float
    p50: float
    p95: float
    slowest: float
    images_per_second: float
    memory_before_mib: float
    """Of the server when it was ready."""
    memory_after_mib: float
    memory_peak_mib: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: seconds to the first and to the last image, and what came."""

    first: float
    last: float
    images: int
    busy: int


def ask(port: int, number: int, *, noises: int) -> Answer:
    """One request, repeated while the server is busy; a failure of any kind is an answer without images."""
    caption = f"a {COLOURS[number % 8]} bird with {COLOURS[number // 8 % 8]} wings"
    body = json.dumps({"run": 0, "caption": caption, "noises": list(range(noises))})
    start, busy = time.perf_counter(), 0
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        try:
            connection.request("POST", "/api/images", body, {"content-type": "application/json"})
            response = connection.getresponse()
            if response.status == BUSY:
                busy += 1
                time.sleep(RETRY_SECONDS)
                continue
            lines = [json.loads(response.readline())]
            first = time.perf_counter() - start
            lines += [json.loads(line) for line in response.read().splitlines()]
        except (OSError, http.client.HTTPException, ValueError):
            return Answer(0.0, time.perf_counter() - start, 0, busy)
        finally:
            connection.close()
        return Answer(first, time.perf_counter() - start, sum("sample" in line for line in lines), busy)


@contextmanager
def served(run: Path, *arguments: str) -> Iterator[tuple[int, int]]:
    """A page of the run, as its port and the server's process."""
    command = [str(Path(sys.executable).with_name("attnforge")), "play", str(run), "--port", "0", *arguments]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert server.stdout is not None  # noqa: S101
        match = re.search(r":(\d+)/", server.stdout.readline())
        if match is None:
            raise SystemExit("the server has not started")
        yield int(match[1]), server.pid
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)


def memory(process: int, field: str) -> float:
    """A field of the process's memory in MiB: `VmRSS` now, `VmHWM` at most."""
    status = Path(f"/proc/{process}/status").read_text()
    match = re.search(rf"{field}:\s+(\d+) kB", status)
    return int(match[1]) / 1024 if match else float("nan")


def measure(run: Path, *, requests: int, at_a_time: int, noises: int = 8, device: str = "auto") -> Load:
    """Ask for images of many captions, several at a time."""
    with served(run, "--device", device) as (port, process):
        ask(port, 0, noises=noises)  # what is prepared once
        before, start = memory(process, "VmRSS"), time.perf_counter()
        with ThreadPoolExecutor(at_a_time) as threads:
            answers = list(threads.map(lambda number: ask(port, number, noises=noises), range(requests)))
        seconds = time.perf_counter() - start
        after, peak = memory(process, "VmRSS"), memory(process, "VmHWM")
    whole = [answer for answer in answers if answer.images == noises]
    return Load(
        requests=requests,
        at_a_time=at_a_time,
        lost=requests - len(whole),
        busy=sum(answer.busy for answer in answers),
        first_image_p50=1000 * quantile([answer.first for answer in whole], 50),
        p50=1000 * quantile([answer.last for answer in whole], 50),
        p95=1000 * quantile([answer.last for answer in whole], 95),
        slowest=1000 * max((answer.last for answer in whole), default=float("nan")),
        images_per_second=sum(answer.images for answer in answers) / seconds,
        memory_before_mib=before,
        memory_after_mib=after,
        memory_peak_mib=peak,
    )


def quantile(values: Sequence[float], percent: int) -> float:
    """A quantile of times; not a number without at least two."""
    return quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else float("nan")


def main() -> None:
    """Measure one page at a time and several, and print a line of JSON for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--at-a-time", type=int, default=8)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    for requests, at_a_time in ((min(20, options.requests), 1), (options.requests, options.at_a_time)):
        load = measure(options.run, requests=requests, at_a_time=at_a_time, device=options.device)
        print(json.dumps({name: round(value, 1) for name, value in asdict(load).items()}), flush=True)


if __name__ == "__main__":
    main()
