"""What a run would stand on: packages with their versions, the processor, GPUs, memory."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement


@dataclass(frozen=True, slots=True)
class Package:
    """A package that attnforge asks for."""

    name: str
    asked: str
    """The versions that will do, such as `>=2.11`; empty when all will."""
    installed: str | None
    """None when it is missing."""

    @property
    def fits(self) -> bool:
        """Whether it is installed in a version that will do."""
        return self.installed is not None and Requirement(f"{self.name}{self.asked}").specifier.contains(
            self.installed, prereleases=True
        )


@dataclass(frozen=True, slots=True)
class Processor:
    """The processor and its memory."""

    name: str
    cores: int
    """Cores that this process may use."""
    memory_bytes: int | None
    """Memory of the machine; None where it cannot be told."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU that torch finds."""

    index: int
    name: str
    memory_bytes: int
    capability: str
    """Compute capability, such as `9.0`."""


def packages(distribution: str = "attnforge") -> list[Package]:
    """What a distribution asks for here, without its extras; nothing when it is not installed."""
    try:
        lines = requires(distribution) or []
    except PackageNotFoundError:
        return []
    found = []
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found.append(Package(requirement.name, str(requirement.specifier), version_of(requirement.name)))
    return found


@dataclass(frozen=True, slots=True)
class Conflict:
    """A package that does not get what it asks for."""

    package: str
    asked: str
    """The other package with the versions that will do, such as `torch==2.11.0`."""
    name: str
    """The other package."""
    installed: str


def conflicts(distribution: str) -> list[Conflict]:
    """What an installed distribution asks for without its extras that is installed in another version."""
    unmet = []
    for package in packages(distribution):
        if package.installed is not None and not package.fits:
            asked = f"{package.name}{package.asked}"
            unmet.append(Conflict(distribution, asked, package.name, package.installed))
    return unmet


def version_of(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def processor() -> Processor:
    """The processor of this machine, as far as this process may use it."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        memory = None
    return Processor(name=_processor_name(), cores=len(usable), memory_bytes=memory)


def gpus() -> list[Gpu]:
    """The GPUs that torch finds; importing torch is what takes the time."""
    import torch

    found = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        one = torch.cuda.get_device_properties(index)
        found.append(Gpu(index, one.name, one.total_memory, f"{one.major}.{one.minor}"))
    return found


def peak_memory_bytes() -> int | None:
    """The most memory that this process has held, or None where it cannot be told."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes, but on macOS bytes


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
