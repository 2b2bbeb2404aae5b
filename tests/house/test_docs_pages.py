"""Lines of pages are short, and every image stands beside the command that makes it; none is left over."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from PIL import Image

from attnforge.cli.group import COMMANDS

ROOT = Path(__file__).parents[2]
IMAGE = re.compile(r"!\[[^\]]*\]\(([^):\s]+)\)")
COMMAND = re.compile(
    r"\b(attnforge (?P<command>[a-z]+)\b|python (?P<script>\w+/\w+\.py)|make (?P<target>[a-z-]+))"
)
LONGEST_LINE = 120
BREAKABLE = re.compile(r"(?!\s*(\||!\[|<)).* ")
"""Prose: not a row of a table, an image, HTML or a single word."""
CODE = re.compile(r"```.*?```|`[^`]+`", flags=re.DOTALL)


def sections(page: Path) -> list[str]:
    """The parts of a page between its headings; a comment in a block of code begins with # too."""
    parts, fenced = [""], False
    for line in page.read_text(encoding="utf-8").splitlines():
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            parts.append("")
        parts[-1] += line + "\n"
    return parts


def makes(section: str) -> list[str]:
    """The commands in the code of a section that exist."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    found = [match for code in CODE.findall(section) for match in COMMAND.finditer(code)]
    return [
        match[0]
        for match in found
        if match["command"] in COMMANDS
        or match["target"] in targets
        or (match["script"] and (ROOT / match["script"]).is_file())
    ]


def test_every_image_names_its_command_in_its_section() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    images = [
        (page, section, name)
        for page in pages
        for section in sections(page)
        for name in IMAGE.findall(section)
    ]
    assert len(images) > 20
    assert [f"{page.relative_to(ROOT)}: {name}" for page, section, name in images if not makes(section)] == []
    shown = {(page.parent / name).resolve() for page, _, name in images}
    assert sorted(set((ROOT / "docs/images").rglob("*.*")) - shown) == []


def test_lines_of_prose_are_short() -> None:
    folders = [ROOT / "docs", ROOT / "plugins"]
    pages = [*ROOT.glob("*.md"), *(page for folder in folders for page in folder.rglob("*.md"))]
    assert len(pages) > 80
    long = []
    for page in pages:
        fenced = False
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
            fenced ^= line.lstrip().startswith("```")
            if len(line) > LONGEST_LINE and not fenced and BREAKABLE.match(line):
                long.append(f"{page.relative_to(ROOT)}:{number}")
    assert long == []


def test_rows_of_samples_are_those_of_the_last_step(tmp_path: Path) -> None:
    for run, step, colour in (("a", 5, "red"), ("a", 10, "blue"), ("b", 7, "lime")):
        folder = tmp_path / run / f"samples/gan-{step:07d}"
        folder.mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (4, 4), colour).save(folder / f"{number:02d}.png")
    render = runpy.run_path(str(ROOT / "docs/sample_rows.py"))["render"]
    page = render([tmp_path / "a", tmp_path / "b"]).convert("RGB")
    assert page.size == (10, 10)
    assert [page.getpixel(place) for place in ((0, 0), (9, 0), (5, 5), (0, 9))] == [
        *((0, 0, 255), (0, 0, 255)),
        *((255, 255, 255), (0, 255, 0)),
    ]
