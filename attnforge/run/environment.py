"""The environment of a run: packages with their versions, the processor, GPUs, memory."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement


@dataclass(frozen=True, slots=True)
class Package:
    """A package that attnforge requires."""

    name: str
    required: str
    """The accepted versions, such as `>=2.11`; empty for any."""
    installed: str | None
    """None when it is missing."""

    @property
    def fits(self) -> bool:
        """Whether an accepted version is installed."""
        return self.installed is not None and Requirement(f"{self.name}{self.required}").specifier.contains(
            self.installed, prereleases=True
        )


@dataclass(frozen=True, slots=True)
class Processor:
    """The processor and its memory."""

    name: str
    cores: int
    """Cores that this process may use."""
    memory_bytes: int | None
    """Memory of the machine; None when unknown."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU that torch finds."""

    index: int
    name: str
    memory_bytes: int
    capability: str
    """Compute capability, such as `9.0`."""


def packages(distribution: str = "attnforge") -> list[Package]:
    """The requirements of a distribution on this platform, without its extras; empty if not installed."""
    try:
        lines = requires(distribution) or []
    except PackageNotFoundError:
        return []
    required = []
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            name = requirement.name
            required.append(Package(name, str(requirement.specifier), version_of(name)))
    return required


@dataclass(frozen=True, slots=True)
class Conflict:
    """An installed package whose requirement is not met."""

    package: str
    required: str
    """The requirement, such as `torch==2.11.0`."""
    name: str
    """The required package."""
    installed: str


def conflicts(distribution: str) -> list[Conflict]:
    """Requirements of a distribution, without its extras, that are installed in another version."""
    unmet = []
    for package in packages(distribution):
        if package.installed is not None and not package.fits:
            required = f"{package.name}{package.required}"
            unmet.append(Conflict(distribution, required, package.name, package.installed))
    return unmet


def version_of(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def processor() -> Processor:
    """The processor of this machine, with the cores that this process may use."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        memory = None
    return Processor(name=_processor_name(), cores=len(usable), memory_bytes=memory)


def gpus() -> list[Gpu]:
    """The GPUs that torch finds; slow, because it imports torch."""
    import torch

    devices = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        properties = torch.cuda.get_device_properties(index)
        capability = f"{properties.major}.{properties.minor}"
        devices.append(Gpu(index, properties.name, properties.total_memory, capability))
    return devices


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
