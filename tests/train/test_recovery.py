"""Steps that are not finite are skipped: the same whenever that is noticed and wherever training stops."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from faulty_steps import FAULTS, NAN, Fault, Faulty, Trained, batches, train, train_shared
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import in_processes

from attnforge.errors import RunError
from attnforge.interfaces import Progress
from attnforge.seeds import seed_everything
from attnforge.train.recovery import MAX_SKIPPED_STEPS, Recovery

STEPS = 13


def without(faults: Mapping[int, Fault], steps: int = STEPS) -> dict[str, torch.Tensor]:
    """The state of training that never makes the spoiled steps."""
    task, following = Faulty({}), batches(0)
    for step in range(steps):
        batch = next(following)
        if step + 1 not in faults:
            seed_everything(1, "gan", step)
            task.step(batch, progress=Progress(step=step, steps=steps, batch_size=4, images=9))
    return Trained(task).state()


def assert_same(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("every", [1, 5, 100])
def test_the_spoiled_step_alone_is_skipped(fault: Fault, every: int) -> None:
    trained = train({7: fault}, steps=STEPS, every=every)
    (skipped,) = trained.skipped
    assert skipped.step == 7
    assert skipped.keys == ("step 7 of 0",) * 4
    causes = {
        "loss": "loss",
        "gradient": "network/0.weight",
        "weight": "network/0.weight",
        "buffer": "network/1.running_var",
        "average": "average/0.weight",
    }
    assert skipped.causes[0] == causes[fault]
    assert_same(trained.state(), without({7: fault}))
    (result,) = (result for result in trained.results if result.skipped)
    assert (result.step, result.scalars) == (7, {})


@given(
    faults=st.dictionaries(st.integers(1, STEPS), st.sampled_from(FAULTS), max_size=5),
    every=st.integers(1, STEPS),
    later=st.integers(1, STEPS),
    stop=st.integers(1, STEPS - 1),
)
@settings(max_examples=25)
def test_wherever_training_stops_it_resumes_to_the_same_bits(
    faults: dict[int, Fault], every: int, later: int, stop: int
) -> None:
    stopped = train(faults, steps=STEPS, every=every, stop=stop)
    assert stopped.completed <= stop
    resumed = train(faults, steps=STEPS, every=later, resumed=stopped)
    assert resumed.completed == STEPS
    assert_same(resumed.state(), without(faults))
    assert {one.step for one in (*stopped.skipped, *resumed.skipped)} == set(faults)


def test_steps_that_are_not_observed_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[int] = []
    check = Recovery._bad_tensors

    def counted(recovery: Recovery) -> list[str]:
        checks.append(1)
        return check(recovery)

    monkeypatch.setattr(Recovery, "_bad_tensors", counted)
    trained = train({}, steps=12, every=4)
    assert len(checks) == 1 + 3
    assert trained.task.made == list(range(1, 13))


def test_too_many_in_a_row_are_an_error_with_the_images() -> None:
    many: dict[int, Fault] = dict.fromkeys(range(3, 3 + MAX_SKIPPED_STEPS), "gradient")
    trained = train(many, steps=20, every=4)
    assert [one.step for one in trained.skipped] == list(many)
    with pytest.raises(RunError) as caught:
        train({**many, 3 + MAX_SKIPPED_STEPS: "loss"}, steps=20, every=4)
    (problem,) = caught.value.problems
    assert problem.code == "not-a-number"
    assert problem.message.startswith("loss is not finite at step 13 of gan, and the 10 steps before")
    assert "step 13 of 0" in problem.message
    stopped = train({**many, 3 + MAX_SKIPPED_STEPS: "loss"}, steps=20, every=4, stop=8)
    with pytest.raises(RunError) as caught:
        train({**many, 3 + MAX_SKIPPED_STEPS: "loss"}, steps=20, every=4, resumed=stopped)
    assert "step 13 of gan" in caught.value.problems[0].message


def test_weights_that_are_not_finite_before_the_first_step_are_an_error() -> None:
    task = Faulty({})
    next(task.network.parameters()).data.fill_(NAN)
    with pytest.raises(RunError) as caught:
        Recovery(task, start=0, is_observed=lambda _: True)
    assert caught.value.problems[0].code == "weights-not-finite"
    constant = ["network/0.weight", "network/1.running_var"]
    Recovery(task, start=0, is_observed=lambda _: True, constants=constant)


def test_gradients_that_overflow_in_float16_are_the_scalers_business() -> None:
    trained = train({5: "gradient", 8: "loss"}, steps=STEPS, every=4, precision="fp16")
    assert [one.step for one in trained.skipped] == [8]
    # halved once, by the step that overflowed and was made
    assert trained.task.update.scale == 2.0**9


def test_all_processes_skip_the_step_of_one(tmp_path: Path) -> None:
    faults: dict[int, Fault] = {3: "loss", 6: "gradient", 7: "weight"}
    first, second = in_processes(train_shared, [(faults, 9, 4)] * 2, tmp_path)
    assert_same(first["state"], second["state"])
    assert first["skipped"] == second["skipped"]
    assert [step for step, _, _ in first["skipped"]] == [3, 6, 7]
    assert first["skipped"][0][1:] == (["loss"], ["step 3 of 0"] * 4 + ["step 3 of 1"] * 4)
    assert all(value.isfinite().all() for value in first["state"].values())
