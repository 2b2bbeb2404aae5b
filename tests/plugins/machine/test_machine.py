"""machine.json and the section of the report, over runs that are trained, stopped and resumed."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attnforge_machine.chart import elapsed, line, size
from attnforge_machine.section import sections
from attnforge_machine.session import commit_of
from attnforge_machine.totals import MAX_POINTS, Point, Totals
from attnforge_machine.watch import Watch
from tiny_run import TINY, train_tiny
from torch import nn

from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.train.progress import ConsoleReporter

SHORT = (
    "phases.damsm.steps=2",
    "phases.gan.batch_size=12",
    "phases.gan.sample_every=0",
    "evaluation.metrics={attributes: null, retrieval: null}",
)


class Clock:
    """Gives the seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def known(run: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((run / "machine.json").read_text())
    return data


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained to step 3 of its second phase, and then on to step 4."""
    path = tmp_path_factory.mktemp("machine") / "run"
    assert train_tiny(path, *SHORT, "phases.gan.steps=3").finished
    assert train_tiny(path, *SHORT, "phases.gan.steps=4", resume=True).finished
    return path


def test_a_run_records_its_hardware(run: Path) -> None:
    data = known(run)
    assert [one["ended"] for one in data["sessions"]] == ["finished", "finished"]
    session = data["sessions"][-1]
    assert session["versions"].keys() >= {"attnforge", "torch", "numpy", "pluggy"}
    assert session["processor"]["cores"] >= 1
    assert session["processor"]["memory_bytes"] > 2**28
    assert session["threads"] >= 1
    assert data["device"] in ("cpu", "cuda:0")
    assert data["batch_sizes"] == {"damsm": 4, "gan": 12}


def test_networks_are_counted_as_they_were_built(run: Path) -> None:
    networks = known(run)["networks"]
    assert networks["gan"].keys() >= {"generator", "generator-average", "text", "image"}
    generator = networks["gan"]["generator"]
    assert generator["parameters"] == generator["trained"] > 0
    assert networks["gan"]["text"]["trained"] == 0
    assert generator["bytes"] >= 4 * generator["parameters"]


def test_a_resumed_run_counts_on(run: Path) -> None:
    totals = Totals.of(known(run)["totals"])
    assert [(point.phase, point.step) for point in totals.points] == [
        *(("damsm", step) for step in (1, 2)),
        *(("gan", step) for step in (1, 2, 3, 4)),
    ]
    assert totals.whole
    assert totals.epochs == {"gan": 2}
    seconds = [point.seconds for point in totals.points]
    assert seconds == sorted(seconds)
    assert all(point.process_bytes and point.process_bytes > 2**24 for point in totals.points)
    assert (run / "checkpoints" / "gan-0000003" / "machine.json").is_file()


def test_what_was_made_again_counts_once_and_a_pause_not_at_all(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "checkpoint").mkdir()
    first = Watch(tmp_path, batch_sizes={"p": 2}, clock=clock)
    for step in (1, 2, 3):
        clock.now += 5
        first.attnforge_step_end(phase="p", step=step)
        if step == 2:
            first.attnforge_checkpoint_save(folder=tmp_path / "checkpoint")
    clock.now += 1000
    second = Watch(tmp_path, batch_sizes={"p": 2}, clock=clock)
    clock.now += 30  # data is read before the checkpoint is
    second.attnforge_checkpoint_load(folder=tmp_path / "checkpoint")
    for step in (3, 4):
        clock.now += 5
        second.attnforge_step_end(phase="p", step=step)
    second.attnforge_run_end(reason="finished")
    data = known(tmp_path)
    assert [(point["step"], point["seconds"]) for point in data["totals"]["points"]] == [
        (1, 5.0),
        (2, 10.0),
        (3, 15.0),
        (4, 20.0),
    ]
    assert Totals.of(data["totals"]).spans["p"].steps_per_second == pytest.approx(0.2)
    assert [one["ended"] for one in data["sessions"]] == [None, "finished"]


def test_a_checkpoint_of_a_run_without_the_plugin_is_said(tmp_path: Path) -> None:
    watch = Watch(tmp_path, batch_sizes={"p": 2}, clock=Clock())
    (tmp_path / "checkpoint").mkdir()
    watch.attnforge_checkpoint_load(folder=tmp_path / "checkpoint")
    watch.attnforge_run_end(reason="finished")
    assert known(tmp_path)["totals"]["whole"] is False
    ((_, body),) = sections(tmp_path)
    assert "saved without this plugin" in body


def test_a_killed_run_leaves_what_was_known_at_the_last_epoch(tmp_path: Path) -> None:
    clock = Clock()
    watch = Watch(tmp_path, batch_sizes={"p": 2}, clock=clock)
    watch.attnforge_model_built(networks={"one": nn.Linear(3, 2)}, phase="p")
    watch.attnforge_epoch_end(phase="p", epoch=1)
    assert known(tmp_path)["networks"] == {}  # not so soon after the last writing
    clock.now += 60
    watch.attnforge_epoch_end(phase="p", epoch=2)
    assert known(tmp_path)["networks"]["p"]["one"] == {"parameters": 8, "trained": 8, "bytes": 32}
    assert known(tmp_path)["totals"]["epochs"] == {"p": 2}
    assert known(tmp_path)["sessions"][-1]["ended"] is None


def test_a_damaged_file_of_an_earlier_session_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "machine.json").write_text("{")
    assert len(Watch(tmp_path, batch_sizes={}).sessions) == 1
    (tmp_path / "machine.json").write_text("[]")
    assert len(Watch(tmp_path, batch_sizes={}).sessions) == 1


def test_a_long_run_keeps_evenly_spread_points() -> None:
    totals = Totals()
    for step in range(1, 5001):
        totals.add(Point("p", step, step * 0.5, 1, None))
    assert MAX_POINTS // 2 <= len(totals.points) <= MAX_POINTS
    steps = [point.step for point in totals.points]
    assert {later - earlier for earlier, later in pairwise(steps)} == {totals.every}
    assert totals.seconds == 2500.0
    assert totals.spans["p"].last_step == 5000
    assert Totals.of(json.loads(json.dumps(totals.plain()))) == totals


class Reader(HTMLParser):
    """Gathers elements with their attributes, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(body: str) -> Reader:
    reader = Reader()
    reader.feed(body)
    return reader


def test_the_section_shows_the_machine_and_refers_to_nothing_outside(run: Path) -> None:
    ((title, body),) = sections(run)
    assert title == "Machine"
    reader = read(body)
    names = {name for name, _ in reader.elements}
    assert {"table", "svg", "polyline"} <= names
    assert not names & {"script", "style", "link", "img", "image", "a", "use"}
    assert not any({"style", "href", "src"} & attributes.keys() for _, attributes in reader.elements)
    assert "generator-average" in reader.text
    assert known(run)["sessions"][-1]["versions"]["torch"] in reader.text
    assert "Images per second" in reader.text
    scrolled = [attributes for name, attributes in reader.elements if attributes.get("class") == "scroll"]
    assert all(one.get("tabindex") == "0" and one.get("aria-label") for one in scrolled)


def test_what_was_typed_is_text_in_the_section(run: Path, tmp_path: Path) -> None:
    data = known(run)
    data["sessions"][-1]["command"] = ["attnforge", "<script>alert(1)</script>"]
    (tmp_path / "machine.json").write_text(json.dumps(data))
    ((_, body),) = sections(tmp_path)
    assert "<script>" not in body
    assert "<script>alert(1)</script>" in read(body).text


def test_a_run_that_was_not_watched_has_no_section(tmp_path: Path) -> None:
    assert sections(tmp_path) == []


def test_without_the_plugin_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNFORGE_BLOCK", "machine")
    resolved = resolve("quickstart", overrides=[*TINY, *SHORT, "phases.gan.steps=1"], plugins=load_plugins())
    train(resolved, tmp_path / "run", resume=False, reporter=ConsoleReporter())
    assert list((tmp_path / "run").rglob("machine.json")) == []


def test_the_commit_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert commit_of(tmp_path) is None
    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-q", "-m", "one")
    assert commit_of(tmp_path) == {"id": git("rev-parse", "HEAD"), "changed": False}
    (tmp_path / "file").write_text("two")
    assert commit_of(tmp_path) == {"id": git("rev-parse", "HEAD"), "changed": True}
    monkeypatch.setenv("PATH", "")
    assert commit_of(tmp_path) is None


def corners(svg: str) -> Iterator[tuple[float, float]]:
    (points,) = re.findall(r'points="([^"]+)"', svg)
    for corner in points.split():
        across, down = corner.split(",")
        yield float(across), float(down)


def test_a_chart_goes_from_edge_to_edge_and_stays_inside() -> None:
    drawn = line([(0.0, 1.0), (5.0, 4.0), (10.0, 2.0)], title="Speed <fast>", unit="steps")
    found = list(corners(drawn))
    assert (found[0][0], found[-1][0]) == (1.0, 479.0)
    assert min(down for _, down in found) == found[1][1] == 18.0
    assert max(down for _, down in found) <= 102.0
    assert "Speed &lt;fast&gt;: up to 4 steps" in drawn
    assert line([(0.0, 1.0)], title="", unit="") == ""
    assert len(list(corners(line([(0.0, 0.0), (0.0, 0.0)], title="still", unit="")))) == 2


@pytest.mark.parametrize(
    ("count", "text"), [(None, "-"), (0, "0 bytes"), (1536, "1.5 KiB"), (85520809984, "79.6 GiB")]
)
def test_sizes_are_written_for_people(count: int | None, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.27, "0.3 s"), (59.94, "59.9 s"), (61, "0:01:01"), (3725.4, "1:02:05")]
)
def test_times_are_written_for_people(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text
