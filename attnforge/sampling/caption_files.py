"""Files of captions that have a name: those that attnforge ships."""

from __future__ import annotations

from pathlib import Path


def shipped_captions() -> dict[str, Path]:
    """The shipped files by name, in an installed package or in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "_captions"
    folder = inside if inside.is_dir() else package.parent / "captions"
    return {path.stem: path for path in sorted(folder.glob("*.txt"))}


def caption_file(path: Path) -> Path:
    """The path itself if something is there, or else the shipped file of this name, if there is one."""
    return path if path.exists() else shipped_captions().get(str(path), path)
