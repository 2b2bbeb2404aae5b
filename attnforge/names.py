"""Names that become parts of paths: one rule, and the functions through which a name becomes a path.

Names of phases come from recipes, names of networks from plugins, and a run folder may come from an untrusted
source. A safe name is one folder or file, is the same on every file system, cannot be mistaken for a hidden
file, and leaves `PHASE-STEP` readable.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from attnforge.errors import Problem, RunError

MAX_LETTERS = 64
RULE = f"at most {MAX_LETTERS} of the letters a-z, A-Z, 0-9, `_` and `-`, the first a letter or a digit"

_SAFE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{MAX_LETTERS - 1}}}")
_STEP_NAME = re.compile(r"(?P<phase>[A-Za-z0-9][A-Za-z0-9_-]*)-(?P<step>[0-9]{7,18})")


def is_safe(name: str) -> bool:
    """Whether a name may become part of a path."""
    return _SAFE.fullmatch(name) is not None


def is_file_name(text: str) -> bool:
    """Whether a text, such as a recipe's name, can begin a file name without leading to another folder."""
    return bool(text) and text.isprintable() and not set(text) & set("/\\:") and len(text.encode()) <= 200


def safe_spelling(name: str) -> str:
    """The nearest safe name; empty when nothing is left of it."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-_")[:MAX_LETTERS]


def path_below(folder: Path, name: str, *, ending: str = "") -> Path:
    """The path of something called `name` directly below `folder`, with an ending such as `.safetensors`.

    Raises:
        RunError: the name is not safe.
    """
    if not is_safe(name):
        message = f"{name!r} cannot be the name of a file or folder in {folder}"
        raise RunError(Problem("unsafe-name", message, expected=RULE))
    return folder / f"{name}{ending}"


def step_name(phase: str, step: int) -> str:
    """The name of a checkpoint or sample of a phase after a step, such as `gan-0001000`.

    Raises:
        RunError: the phase's name is not safe.
    """
    return f"{path_below(Path(), phase)}-{step:07d}"


def read_step_name(name: str) -> tuple[str, int] | None:
    """The phase and the step in a name from `step_name`; None for any other name."""
    match = _STEP_NAME.fullmatch(name)
    return (match["phase"], int(match["step"])) if match else None


def caption_name(caption: str, *, max_bytes: int = 100) -> str:
    """A readable file name for a caption, different from every other caption's on any file system.

    A caption of plain lower-case words is its own name. Any other ends with a dot, which words lack, and a
    digest: captions may differ only in case, in punctuation or after the cut, and some file systems treat two
    spellings as one.
    """
    words = "-".join(re.findall(r"[^\W_]+", caption.lower()))
    if words.isascii() and words.replace("-", " ") == caption and len(words) <= max_bytes:
        return words
    digest = hashlib.sha256(caption.encode(errors="surrogatepass")).hexdigest()[:12]
    cut = words.encode(errors="ignore")[: max_bytes - len(digest) - 1].decode(errors="ignore").rstrip("-")
    return f"{cut or 'caption'}.{digest}"
