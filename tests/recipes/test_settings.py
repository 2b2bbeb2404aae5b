"""The recipes have the settings of the paper and of the official code, written down here once more."""

from __future__ import annotations

from typing import Any

import pytest

from attnforge.recipe import resolve

LEARNING_RATE = 2e-4
BIRDS = {"data": ("cub", "data/birds"), "words": (18, 18, 25), "lambda": 5, "epochs": 600, "batch": 20}
PHOTOGRAPHS = {"data": ("coco", "data/coco"), "words": (15, 12, 20), "lambda": 50, "epochs": 120, "batch": 14}
EXPECTED: dict[str, dict[str, Any]] = {
    "attngan2-cub": BIRDS,
    "attngan1-cub": BIRDS,
    "attngan1-cub-lambda-0.1": {**BIRDS, "lambda": 0.1},
    "attngan1-cub-lambda-1": {**BIRDS, "lambda": 1},
    "attngan1-cub-lambda-10": {**BIRDS, "lambda": 10},
    "attngan1-cub-no-damsm": {**BIRDS, "words": (201, 201, 201), "lambda": None},
    "attndcgan-cub": {**BIRDS, "lambda": 1, "epochs": 400, "batch": 30},
    "attngan-plus-cub": BIRDS,
    "attngan2-coco": PHOTOGRAPHS,
    "attngan1-coco": PHOTOGRAPHS,
    "attngan1-coco-lambda-0.1": {**PHOTOGRAPHS, "lambda": 0.1},
    "attngan1-coco-lambda-1": {**PHOTOGRAPHS, "lambda": 1},
    "attngan1-coco-lambda-10": {**PHOTOGRAPHS, "lambda": 10},
    "attngan1-coco-lambda-100": {**PHOTOGRAPHS, "lambda": 100},
    "attngan-plus-coco": PHOTOGRAPHS,
}
GAMMAS = {"gamma1": 4, "gamma2": 5, "gamma3": 10}
TRAINING_IMAGES = {"cub": 8_855, "coco": 82_783}
EPOCHS_BETWEEN_CHECKPOINTS = {"cub": 50, "coco": 5}


def recipe(name: str) -> dict[str, Any]:
    """A recipe with every default filled in."""
    return resolve(name).data()


def holds(section: dict[str, Any], **expected: Any) -> None:
    assert {key: section[key] for key in expected} == expected


ENCODER_PHASES = {"attngan1-cub-no-damsm": "joint-embedding"}
"""The phase that trains encoders, where it is not `damsm`."""


@pytest.mark.parametrize("name", EXPECTED)
def test_an_adversarial_phase_is_the_papers(name: str) -> None:
    expected, found = EXPECTED[name], recipe(name)
    phase = found["phases"]["gan"]
    assert (found["data"]["use"], found["data"]["root"]) == expected["data"]
    words = tuple(phase["max_words"] for phase in found["phases"].values())
    assert list(found["phases"]) == [ENCODER_PHASES.get(name, "damsm"), "gan"]
    assert (*words, found["evaluation"]["max_words"]) == expected["words"]
    holds(phase, epochs=expected["epochs"], batch_size=expected["batch"], steps=None, truncate="random")
    holds(phase["task"], generator_learning_rate=LEARNING_RATE, discriminator_learning_rate=LEARNING_RATE)
    holds(phase["task"], betas=[0.5, 0.999], discriminator_steps=1, train=[])
    holds(phase["task"]["average"], decay=0.999, half_life=None, buffers="copy")
    holds(phase["task"]["schedule"], decay_from=1, decay_to=1)
    assert found["losses"]["conditioning"]["weight"] == 1
    assert found["losses"]["adversarial"]["use"] == "bce"
    assert found["losses"]["adversarial"]["mismatch"] == "roll"
    if expected["lambda"] is None:
        assert "damsm" not in found["losses"]
    else:
        holds(found["losses"]["damsm"], weight=expected["lambda"], mask_same_class=True, **GAMMAS)
    holds(found["generator"], noise=100, base_size=64)
    assert found["generator"]["conditioner"] == {"use": "augmentation", "dim": 100, "gate": "glu"}


@pytest.mark.parametrize(
    "name", [*sorted(EXPECTED.keys() - ENCODER_PHASES.keys()), "damsm-cub", "damsm-coco"]
)
def test_a_matching_phase_is_the_official_one(name: str) -> None:
    found = recipe(name)
    holds(found["phases"]["damsm"], epochs=600, batch_size=48, image_size=299, steps=None)
    holds(found["phases"]["damsm"]["task"], learning_rate=0.002, final_learning_rate=0.1, gradient_norm=0.25)
    holds(found["phases"]["damsm"]["task"], decay="by-epoch", epoch_decay=0.98, reset_optimizer=False)
    holds(found["phases"]["damsm"]["task"], **GAMMAS)
    holds(found["text"], use="bilstm", dim=256, embedding=300, dropout=0.5)
    holds(found["image"], use="inception-v3", align_corners=True)


@pytest.mark.parametrize("data", ["cub", "coco"])
def test_encoders_that_are_trained_once_are_those_of_the_other_recipes(data: str) -> None:
    once, together = recipe(f"damsm-{data}"), recipe(f"attngan2-{data}")
    for part in ("data", "tokenizer", "text", "image", "training"):
        assert once[part] == together[part]
    assert once["phases"] == {"damsm": together["phases"]["damsm"]}


@pytest.mark.parametrize("name", EXPECTED)
def test_checkpoints_lie_as_many_epochs_apart_as_the_official_ones(name: str) -> None:
    found = recipe(name)
    data = found["data"]["use"]
    for phase in found["phases"].values():
        apart = phase["checkpoint_every"] * phase["batch_size"] / TRAINING_IMAGES[data]
        assert apart == pytest.approx(EPOCHS_BETWEEN_CHECKPOINTS[data], rel=1e-4)


def test_lambda_is_all_that_differs_in_the_search_for_it() -> None:
    for data in ("cub", "coco"):
        base = recipe(f"attngan1-{data}")
        for name in [one for one in EXPECTED if one.startswith(f"attngan1-{data}-lambda")]:
            found = recipe(name)
            assert {key for key in base if found[key] != base[key]} == {"summary", "losses"}
            found["losses"].pop("damsm")
            others = {key: value for key, value in base["losses"].items() if key != "damsm"}
            assert found["losses"] == others


@pytest.mark.parametrize("name", ["attngan-plus-cub", "attngan-plus-coco"])
def test_attngan_plus_normalises_otherwise(name: str) -> None:
    found, plain = recipe(name), recipe(name.replace("plus", "2").replace("n-2", "n2"))
    holds(found["generator"], norm="synchronised", channels=64)
    holds(found["discriminator"], use="joint", norm="spectral", channels=32)
    assert {key for key in plain if found[key] != plain[key]} == {"summary", "generator", "discriminator"}


def test_attndcgan_judges_no_image_without_its_sentence() -> None:
    found = recipe("attndcgan-cub")
    assert not found["discriminator"]["unconditional"]
    assert not found["losses"]["adversarial"]["unconditional"]


@pytest.mark.parametrize("name", ["attngan1-cub-no-damsm", "reed-cub"])
def test_reeds_text_encoder_is_the_published_one(name: str) -> None:
    found, phase = recipe(name), "joint-embedding"
    holds(found["text"], use="char-cnn-rnn", dim=1024, channels=[384, 512, 512], characters=201)
    holds(found["text"], recurrence="gru", sentence="average", shorter=False)
    holds(found["phases"][phase], steps=200 * 150, epochs=None, batch_size=40, max_words=201, image_size=299)
    holds(found["phases"][phase]["task"], use="joint-embedding", learning_rate=7e-4, smoothing=0.99)
    holds(found["phases"][phase]["task"], decay=0.98, decay_every=150, symmetric=True)


def test_the_first_row_of_table_2_lacks_the_loss_and_has_another_text_encoder() -> None:
    found, base = recipe("attngan1-cub-no-damsm"), recipe("attngan1-cub")
    differing = {"summary", "losses", "tokenizer", "text", "phases", "evaluation"}
    assert {key for key in base if found[key] != base[key]} == differing
    assert found["losses"] == {key: value for key, value in base["losses"].items() if key != "damsm"}
    assert found["phases"]["gan"] == {**base["phases"]["gan"], "max_words": 201}
