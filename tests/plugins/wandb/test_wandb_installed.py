"""attnforge-wandb as a wheel beside attnforge's: and what is sent anywhere: nothing."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from clean_environment import CleanEnvironment, build_wheel, clean_environment
from tiny_run import TINY
from wandb_log import exit_code, history

ROOT = Path(__file__).parents[3]
SHORT = (
    *TINY,
    "phases.damsm.steps=1",
    "phases.gan.steps=1",
    "evaluation.metrics={attributes: null, retrieval: null}",
)
KEY = "0123456789" * 4


@pytest.fixture(scope="module")
def environment(attnforge_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> CleanEnvironment:
    wheel = build_wheel(ROOT / "plugins" / "wandb", tmp_path_factory.mktemp("wheels"))
    return clean_environment(tmp_path_factory.mktemp("clean") / "environment", attnforge_wheel, wheel)


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """An address that stands for wandb's server, and what was said to it."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(100))

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", heard


def test_the_plugin_is_active_and_its_recipe_is_found(environment: CleanEnvironment, tmp_path: Path) -> None:
    listed = environment.run("attnforge", "plugins", "--json", cwd=tmp_path)
    assert "attnforge-wandb" in listed.stdout
    recipes = environment.run("attnforge", "recipes", cwd=tmp_path)
    assert "quickstart-wandb" in recipes.stdout


TRACKED = """
from attnforge.specs import TrackerSpec
from attnforge_wandb.tracker import WandbTracker
tracker = WandbTracker(TrackerSpec(run="run", recipe={}), mode="offline")
tracker.scalars({"loss": 0.5}, phase="gan", step=1)
tracker.close()
"""


def test_offline_nothing_is_sent_anywhere(
    environment: CleanEnvironment, tmp_path: Path, listener: tuple[str, list[bytes]]
) -> None:
    """Not even with a key, nor by what wandb tells its makers of its use."""
    address, heard = listener
    told = {"WANDB_BASE_URL": address, "WANDB_API_KEY": KEY}
    (tmp_path / "run").mkdir()
    tracked = environment.run("python", "-c", TRACKED, cwd=tmp_path, variables=told)
    assert tracked.returncode == 0, tracked.stderr
    assert heard == []
    [log] = (tmp_path / "run").glob("wandb/offline-run-*/run-*.wandb")
    assert history(log) == [{"gan/loss": 0.5, "gan/step": 1}]


@pytest.mark.long
def test_the_shipped_recipe_trains_from_the_command_line(
    environment: CleanEnvironment, tmp_path: Path, listener: tuple[str, list[bytes]]
) -> None:
    address, heard = listener
    told = {"WANDB_BASE_URL": address, "WANDB_API_KEY": KEY}
    trained = environment.run(
        "attnforge", "train", "quickstart-wandb", "--out", "run", *SHORT, cwd=tmp_path, variables=told
    )
    assert trained.returncode == 0, trained.stderr
    assert heard == []
    [log] = (tmp_path / "run").glob("wandb/offline-run-*/run-*.wandb")
    assert exit_code(log) == 0
    assert [row["gan/step"] for row in history(log) if "gan/G damsm 32" in row] == [1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "run"]


def test_the_module_that_declares_imports_neither_torch_nor_wandb(
    environment: CleanEnvironment, tmp_path: Path
) -> None:
    program = (
        "import json, sys\n"
        "import attnforge_wandb.plugin as plugin\n"
        "plugin.attnforge_components(), plugin.attnforge_recipes()\n"
        "print(json.dumps([name for name in ('torch', 'wandb') if name in sys.modules]))\n"
    )
    found = environment.run("python", "-c", program, cwd=tmp_path)
    assert json.loads(found.stdout) == []
