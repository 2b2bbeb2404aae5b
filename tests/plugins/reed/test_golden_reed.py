"""With official weights, Reed's text encoder, its loss and its optimizer give the official numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from attnforge_reed.characters import CharacterTokenizer
from attnforge_reed.joint_embedding import JointEmbeddingTask
from attnforge_reed.ranking import accuracy, ranking_loss
from attnforge_reed.text import CharCnnRnn
from golden_vectors import GOLDEN, assert_near, vectors
from official_reed import official_text_encoder, our_tokens, parameters_by_official_name
from torch import Tensor

from attnforge.specs import TextSpec

SYSTEM = "char_cnn_rnn_sje"
ENCODERS = (
    "hybrid_rnn8",
    "hybrid_gru8_average",
    "hybrid_long_rnn18",
    "hybrid_long_gru18_average",
    "hybrid_long_gru18_last",
)
FULL = torch.full((3,), 201)


@pytest.mark.parametrize("name", ENCODERS)
def test_embeddings_and_gradients(name: str) -> None:
    expected = vectors(SYSTEM, name)
    encoder = official_text_encoder(name)
    tokens = our_tokens(expected["index"])
    hidden = encoder.convolutions(encoder._one_hot(tokens)).transpose(1, 2)
    assert_near(hidden, expected["features"])
    embedding = encoder(tokens, FULL).sentence
    assert_near(embedding, expected["embedding"])
    embedding.backward(expected["grad_embedding"])
    norms = [gradient.norm() for gradient in parameters_by_official_name(encoder, name).values()]
    torch.testing.assert_close(torch.stack(norms), expected["grad_norms"], rtol=1e-3, atol=1e-6)


def test_the_symmetric_joint_embedding_through_the_encoder() -> None:
    expected = vectors(SYSTEM, "joint_embedding_encoder")
    encoder = official_text_encoder("hybrid_rnn8")
    embedding = encoder(our_tokens(expected["index"]), FULL).sentence
    assert_near(embedding, expected["embedding"])
    own = torch.arange(3)
    loss = ranking_loss(expected["image"], embedding, own) + ranking_loss(embedding, expected["image"], own)
    torch.testing.assert_close(loss, expected["loss"], rtol=1e-4, atol=0)
    loss.backward()
    gradients = parameters_by_official_name(encoder, "hybrid_rnn8").values()
    norms = torch.stack([gradient.norm() for gradient in gradients])
    torch.testing.assert_close(norms, expected["grad_norms"], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("kind", ["one_sided", "symmetric"])
def test_the_loss_of_a_batch(kind: str) -> None:
    expected = vectors(SYSTEM, "joint_embedding_loss")
    text, image = (expected[name].requires_grad_() for name in ("text", "image"))
    labels = expected["labels"]
    loss = ranking_loss(image, text, labels)
    if kind == "symmetric":
        loss = loss + ranking_loss(text, image, labels)
    torch.testing.assert_close(loss, expected[kind], rtol=1e-4, atol=0)
    loss.backward()
    assert text.grad is not None
    assert image.grad is not None
    assert_near(text.grad, expected[f"{kind}_grad_text"])
    assert_near(image.grad, expected[f"{kind}_grad_image"])
    share = accuracy(image.detach(), text.detach(), labels)
    torch.testing.assert_close(100 * share, expected["accuracy"])


def test_the_loss_of_images_among_more_captions() -> None:
    expected = vectors(SYSTEM, "joint_embedding_loss_labels")
    text, image = (expected[name].requires_grad_() for name in ("text", "image"))
    labels = expected["labels"]
    loss = ranking_loss(image, text, labels)
    torch.testing.assert_close(loss, expected["loss"], rtol=1e-4, atol=0)
    loss.backward()
    assert text.grad is not None
    assert image.grad is not None
    assert_near(text.grad, expected["grad_text"])
    assert_near(image.grad, expected["grad_image"])
    share = accuracy(image.detach(), text.detach(), labels)
    torch.testing.assert_close(100 * share, expected["accuracy"])


@pytest.mark.parametrize("case", ["lower", "keep"])
def test_characters(case: str) -> None:
    with np.load(GOLDEN / SYSTEM / "text_to_indices.npz") as arrays:
        captions = [str(sentence) for sentence in arrays["sentences"]]
        expected = arrays["index_lower" if case == "lower" else "index_case_kept"]
    tokenizer = CharacterTokenizer(case=case, unknown="blank")  # type: ignore[arg-type]
    encoder = CharCnnRnn(TextSpec(vocabulary_size=tokenizer.vocabulary_size, blank=tokenizer.blank), dim=2)
    for caption, index in zip(captions, expected, strict=True):
        ids = torch.tensor([tokenizer.encode(caption)])
        official = our_tokens(torch.from_numpy(index))[None]
        reference = torch.nn.functional.one_hot(official, 70).transpose(1, 2).float()
        reference[:, 0] = 0
        assert torch.equal(encoder._one_hot(ids), reference)


def test_the_optimizer_is_torch7s() -> None:
    expected = vectors(SYSTEM, "rmsprop_torch7")
    weight = torch.nn.Parameter(expected["x0"].clone())
    task = joint_embedding_of(weight, learning_rate=float(expected["lr"]))
    for gradient, after in zip(expected["grads"], expected["xs"], strict=True):
        weight.grad = gradient.clone()
        task.optimizer.step()
        assert_near(weight.detach(), after)


def joint_embedding_of(weight: torch.nn.Parameter, *, learning_rate: float) -> JointEmbeddingTask:
    """A task whose encoders have a single weight."""
    from attnforge.testing.examples.specs import spec_for

    spec = spec_for("task", GOLDEN)
    text = spec.text.requires_grad_(False)
    text.only = weight
    return JointEmbeddingTask(
        replace(spec, image=spec.image.requires_grad_(False)), learning_rate=learning_rate
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("hybrid_rnn8_c256", {"recurrence": "rnn", "shorter": True}),
        ("hybrid_long_rnn18_c256", {"recurrence": "rnn"}),
        ("hybrid_long_gru18_c512", {}),
        ("hybrid_long_gru18_c256", {}),
    ],
)
def test_parameters_of_the_published_sizes(name: str, options: dict[str, object]) -> None:
    counts = json.loads((GOLDEN / SYSTEM / "parameter_counts.json").read_text())
    width = int(name.rpartition("c")[2])
    with torch.device("meta"):
        network = CharCnnRnn(TextSpec(vocabulary_size=70), channels=(384, 512, width), **options)  # type: ignore[arg-type]
    assert size(network) == counts[name]


def size(network: torch.nn.Module) -> int:
    weights: list[Tensor] = list(network.parameters())
    return sum(weight.numel() for weight in weights)
