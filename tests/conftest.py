"""Turns on the checks that most tests run under: the shapes and types of all annotations, at every call.

The hook must be in place before the packages are imported, hence here. Whole numbers may stand for
floats, as Python's typing rules and YAML have it; `Self` is beyond a checker that sees one function at a
time. `attnforge.specs` stays out because it names its interfaces without importing them.

Without a GPU, Triton kernels run in Triton's interpreter, which must be said before Triton is imported.
"""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest
import torch
from clean_environment import build_wheel
from hypothesis import settings
from injection_counts import summary
from jaxtyping import install_import_hook

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

# A busy machine is no failure: how long an example takes says nothing about the code.
# Every run of the ordinary tests takes other examples; `make test-long` names the thorough profile.
settings.register_profile("thorough", deadline=None)
settings.register_profile("ordinary", deadline=None, max_examples=25)
settings.load_profile("ordinary")

install_import_hook(
    [
        "attnforge.adversarial",
        "attnforge.compute",
        "attnforge.data",
        "attnforge.evaluate",
        "attnforge.interfaces",
        "attnforge.kernels",
        "attnforge.sampling.generated",
        "attnforge.storage",
        "attnforge.train",
        "attnforge.values",
        "attnforge_attngan",
        "attnforge_clip",
        "attnforge_coco",
        "attnforge_cub",
        "attnforge_df_gan",
        "attnforge_stackgan",
        "attnforge_plug_and_play",
        "attnforge_encoders",
        "attnforge_rat_gan",
        "attnforge_reed",
        "attnforge_ssa_gan",
        "attnforge_folder",
        "attnforge_gan",
        "attnforge_gan_int_cls",
        "attnforge_imagenet",
        "attnforge_wordvectors",
        "attnforge_gawwn",
        "attnforge_machine",
        "attnforge_metrics",
        "attnforge_r3gan",
        "attnforge_sketch_birds.accuracy",
        "attnforge_sketch_birds.dataset",
        "attnforge_sketch_birds.head_count",
        "attnforge_sketch_birds.heads",
        "attnforge_sketch_birds.keypoints",
        "attnforge_sketch_birds.measuring",
        "attnforge_sketch_birds.painter",
        "attnforge_sketch_birds.placing",
        "attnforge_sketch_birds.shapes",
    ],
    "beartype.beartype(conf=beartype.BeartypeConf("
    "is_pep484_tower=True, hint_overrides=beartype.FrozenDict({__import__('typing').Self: object})))",
)


UNCHECKED = ("api", "cli", "export", "hostile", "play", "run")
"""Folders of tests that train, generate and measure over and over what others do under these checks.

The checks take a quarter of that time. The parts are tested in folders of their own, every recipe trains in
`recipes`, and none of the packages above is what these folders test.
"""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    jaxtyping.config.update("jaxtyping_disable", folder in UNCHECKED)


def pytest_collection_finish() -> None:
    """Leave what was imported, a million objects, out of garbage collection: it takes a tenth of all time."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()  # Triton's bindings report what is left at exit


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how often each kind of fault was injected, and what came of it."""
    lines = sorted(summary(terminalreporter.stats.get("passed", [])))
    if lines:
        terminalreporter.section("injected faults")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def attnforge_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built once for all tests of a process."""
    return build_wheel(Path(__file__).parents[1], tmp_path_factory.mktemp("wheel"))


@pytest.fixture(autouse=True, scope="session")
def _features_are_kept_for_one_test_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Features of earlier runs of the tests must not be found, and the home folder stays as it is."""
    os.environ["ATTNFORGE_CACHE"] = str(tmp_path_factory.mktemp("features"))


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_as_in_a_terminal() -> Iterator[None]:
    """A shell starts what it runs in the background with Ctrl-C ignored, the tests included."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
