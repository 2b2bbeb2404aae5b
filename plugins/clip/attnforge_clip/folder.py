"""A CLIP on disk: a folder with its config, weights and tokenizer, as transformers writes it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import CLIPConfig

START, END = "<|startoftext|>", "<|endoftext|>"
"""The special tokens before and after a caption."""
COMMAND = "hf download openai/clip-vit-base-patch32 --local-dir {folder}"


@dataclass(frozen=True, slots=True)
class ClipFolder:
    """A CLIP on disk, read lazily and never downloaded."""

    folder: Path
    file: Path | None
    """The weights file if it was named; None for the folder's default."""

    @classmethod
    def at(cls, weights: str) -> ClipFolder:
        """The CLIP in a folder, or of a weights file beside its config and tokenizer.

        Raises:
            RecipeError: `clip-weights-missing` if there is none.
        """
        path = Path(weights).expanduser()
        clip = cls(path.parent, path) if path.is_file() else cls(path, None)
        if not (clip.folder / "config.json").is_file():
            raise clip._missing("config.json")
        return clip

    def config(self) -> CLIPConfig:
        """Its sizes.

        Raises:
            RecipeError: `clip-weights-other` if this is not a CLIP.
        """
        from transformers import CLIPConfig

        path = self.folder / "config.json"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            kind = values.get("model_type")
            config = CLIPConfig.from_dict(values) if kind == "clip" else None
        except Exception as error:  # transformers does not specify what it raises for a value of a wrong type
            raise self._other(f"{path} cannot be read: {error}") from error
        if config is None:
            raise self._other(f"{path} describes a `{kind}`")
        parts: Any = (config.text_config, config.vision_config)
        for part in parts:  # the stored value is wrong for several published CLIPs
            part.projection_dim = config.projection_dim
        return config

    def tokenizer(self) -> Tokenizer:
        """Its tokenizer.

        Raises:
            RecipeError: `clip-weights-missing` or `clip-weights-other`.
        """
        from transformers import CLIPTokenizer

        if not (self.folder / "tokenizer.json").is_file():
            for name in ("vocab.json", "merges.txt"):
                if not (self.folder / name).is_file():
                    raise self._missing(f"tokenizer.json, nor {name}")
        try:
            loaded = CLIPTokenizer.from_pretrained(self.folder, local_files_only=True)
        except Exception as error:  # the library raises a bare Exception for a damaged file
            raise self._other(f"its tokenizer cannot be read: {error}") from error
        tokenizer: Tokenizer = loaded.backend_tokenizer
        missing = [name for name in (START, END) if tokenizer.token_to_id(name) is None]
        if missing:
            raise self._other(f"its tokenizer has no {' and no '.join(missing)}")
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def fill(self, network: nn.Module) -> None:
        """Load the weights of a part of CLIP; does nothing on the meta device.

        Raises:
            RecipeError: `clip-weights-missing` or `clip-weights-other`.
        """
        own = network.state_dict()
        if any(tensor.is_meta for tensor in own.values()):
            return
        state: dict[str, Tensor] = {}
        for path in self.files():
            state.update(_read(path, own.keys(), self))
        missing = sorted(own.keys() - state.keys())
        reshaped = sorted(name for name in state if state[name].shape != own[name].shape)
        if missing or reshaped:
            difference = f"have no {missing[0]}" if missing else f"have a different shape of {reshaped[0]}"
            raise self._other(f"the weights {difference}, and do not match config.json")
        network.load_state_dict(state)

    def files(self) -> list[Path]:
        """The files of its weights.

        Raises:
            RecipeError: `clip-weights-missing` or `clip-weights-other`.
        """
        if self.file is not None:
            return [self.file]
        index = self.folder / "model.safetensors.index.json"
        if index.is_file():
            try:
                names: dict[str, Any] = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
                parts = sorted(set(names.values()))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise self._other(f"{index} cannot be read: {error}") from error
            outside = [name for name in parts if not isinstance(name, str) or Path(name).name != name]
            if outside:
                raise self._other(f"{index} names {outside[0]}, which is not a file of the folder")
            return [self.folder / name for name in parts]
        for name in ("model.safetensors", "pytorch_model.bin"):
            if (self.folder / name).is_file():
                return [self.folder / name]
        raise self._missing("model.safetensors")

    def digest(self) -> str:
        """The SHA-256 of the digests of its weights' files."""
        return hashlib.sha256(b"".join(map(_sha256, self.files()))).hexdigest()

    def _missing(self, name: str) -> RecipeError:
        reason = "has no " + name if self.folder.is_dir() else "does not exist"
        return RecipeError(
            Problem(
                code="clip-weights-missing",
                message=f"the weights of CLIP are missing: {self.folder} {reason}",
                expected="a folder with config.json, model.safetensors and tokenizer.json",
                next_step=COMMAND.format(folder=self.folder),
            )
        )

    def _other(self, reason: str) -> RecipeError:
        message = f"{self.folder} has no usable CLIP: {reason}"
        expected = "the folder of a CLIP, as `save_pretrained` of transformers writes it"
        return RecipeError(Problem("clip-weights-other", message, expected=expected))


def _read(path: Path, names: Any, clip: ClipFolder) -> dict[str, Tensor]:
    """The tensors with these names in a file; only tensors are read, never code."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as stored:
                return {name: stored.get_tensor(name) for name in stored.keys() & names}
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {name: state[name] for name in state.keys() & names}
    except FileNotFoundError as error:
        raise clip._missing(path.name) from error
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError, AttributeError) as error:
        raise clip._other(f"{path} cannot be read: {error}") from error
    except Exception as error:  # pickle's own error for a file with more than tensors
        raise clip._other(f"{path} has more than tensors: {error}") from error


def _sha256(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
