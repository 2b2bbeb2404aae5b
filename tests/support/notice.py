"""The file NOTICE: what belongs to attnforge, to its data and to the packages that it uses.

    python tests/support/notice.py --write

A package's license is what its installed metadata states; nothing is looked up elsewhere.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, files, metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
NOTICE = ROOT / "NOTICE"
CLASSIFIER = "License :: OSI Approved :: "
SHORT = 60
"""A longer `License` field holds the text of a license rather than its name."""

HEAD = """\
attnforge
Copyright 2026 The attnforge authors

Licensed under the Apache License, Version 2.0; see LICENSE.


DATA

attnforge ships no photographs, no data sets and no weights.

The sketch birds and their captions are rendered and written by attnforge's own code, and so are the
files of captions/. The images of docs/images are plots, and images that networks generated or that
show pages of attnforge. Those of docs/images/emoji.png and emoji-pretrained.png come from networks
that were trained on emoji of an origin that was not recorded; none of these emoji is included.

The data sets that recipes name (CUB-200-2011 with its captions, COCO) are not included and are not
downloaded. Their terms are those of their authors, and may bind weights that are trained on them.
The same holds for weights and vectors that recipes read: Inception-v3, CLIP, LPIPS, EfficientNet-Lite,
all-MiniLM-L6-v2, wordllama, and checkpoints of the official programs. `attnforge doctor RECIPE`
lists what a recipe reads.

tests/golden holds numbers that the official programs of the papers computed, and none of their code.


PACKAGES

attnforge contains no code of the packages below; installers fetch them from where they are
published. Each line has the version whose installed metadata was read, and the license that it
states.
"""

BROUGHT = """\
Packages that these require, as pinned in requirements/runtime.txt:
"""


@dataclass(frozen=True)
class Entry:
    """A package, and what its metadata says."""

    name: str
    version: str
    license: str

    def __str__(self) -> str:
        return f"  {f'{self.name} {self.version}'.rstrip():<34} {self.license}"


def declared() -> dict[str, list[str]]:
    """Names of the packages that each distribution of the repository declares, extras included."""
    groups = {}
    for path in [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]:
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        if project["name"] == "attnforge-gated-attention":  # the tutorial's, which nobody publishes
            continue
        groups[project["name"]] = _names(project["dependencies"])
        for extra, lines in project.get("optional-dependencies", {}).items():
            groups[f"{project['name']}[{extra}]"] = _names(lines)
    return {group: [name for name in names if name != "attnforge"] for group, names in groups.items()}


def brought() -> list[str]:
    """Names of the other packages that an installation of attnforge consists of."""
    text = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    pinned = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", text, flags=re.MULTILINE)}
    return sorted(pinned.difference(*declared().values(), {"hatchling", *_BUILD_ONLY}))


_BUILD_ONLY = {"pathspec", "tomlkit", "trove-classifiers"}
"""What `hatchling` requires, which builds attnforge and is not needed to run it."""


def entry(name: str) -> Entry:
    """What the installed metadata of a package says."""
    try:
        package = metadata(name)
    except PackageNotFoundError:
        return Entry(name, "", "not installed where this was written")
    return Entry(name, package["Version"], stated_license(package) or _of_file(name))


def stated_license(package: PackageMetadata) -> str:
    """What a package's metadata states: an SPDX expression, else a name, else a classifier, else nothing."""
    fields = package.json
    expression = str(fields.get("license_expression", ""))
    if expression:
        return expression
    classifiers = [
        line.removeprefix(CLASSIFIER) for line in fields.get("classifier", []) if CLASSIFIER in line
    ]
    name = str(fields.get("license", "")).strip()
    if name and name != "UNKNOWN" and len(name) <= SHORT and "\n" not in name:
        return name
    return ", ".join(line.removeprefix(CLASSIFIER) for line in classifiers)


def _of_file(name: str) -> str:
    """What stands in for metadata without a license: how the file of that name in the package begins."""
    for path in files(name) or []:
        if path.parent.name.endswith(".dist-info") and path.name.startswith("LICENSE"):
            first = path.read_text(encoding="utf-8").strip().partition("\n")[0].strip()
            return f"none stated; its file {path.name} begins: {first}"
    return "none stated"


def text() -> str:
    """What NOTICE says, from what is declared and installed."""
    parts = [HEAD]
    for group, names in declared().items():
        parts += [f"Required by {group}:\n", _lines(names)]
    return "\n".join([*parts, BROUGHT, _lines(brought())]).rstrip() + "\n"


def _lines(names: Iterable[str]) -> str:
    return "\n".join(str(entry(name)) for name in names) + "\n"


def _names(lines: Iterable[str]) -> list[str]:
    return sorted(canonicalize_name(Requirement(line).name) for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write NOTICE instead of printing it")
    if parser.parse_args().write:
        NOTICE.write_text(text(), encoding="utf-8")
    else:
        sys.stdout.write(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
