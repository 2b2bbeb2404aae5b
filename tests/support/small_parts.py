"""Components that cost nothing to build, for tests of plugins, recipes and building."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from attnforge.interfaces import Attention, Build, Conditioner, Stage

if TYPE_CHECKING:
    from attnforge.specs import TextSpec


class Part:
    """Remembers what it was built with."""

    def __init__(self, *spec: Any) -> None:
        self.spec = spec


class Words(Part):
    """Cuts captions at blanks."""

    def __init__(self, *, min_count: int = 1) -> None:
        super().__init__()
        self.min_count = min_count


class Birds(Part):
    """Birds.

    Args:
        root: Folder of images.
        colours: What they may be.
        scale: Factor of size.
        flip: Whether half of them look left.
    """

    def __init__(
        self,
        spec: object,
        *,
        root: Path = Path("birds"),
        colours: tuple[str, ...] = ("red",),
        scale: float = 1.0,
        flip: bool = True,
    ) -> None:
        super().__init__(spec)
        self.root, self.colours, self.scale, self.flip = root, colours, scale, flip


class Fish(Part):
    """Fish, which need a pond."""

    def __init__(self, spec: object, *, pond: str, depth: Annotated[float, Field(gt=0)] = 2.0) -> None:
        super().__init__(spec)
        self.pond, self.depth = pond, depth


class Reader(Part):
    """A text encoder whose spec is known to type checkers only."""

    def __init__(self, spec: TextSpec, *, dim: int = 8, cell: Literal["lstm", "gru"] = "lstm") -> None:
        super().__init__(spec)
        self.dim, self.cell = dim, cell


class Looker(Part):
    """An image encoder."""

    def __init__(self, spec: object, *, layers: int | None = None) -> None:
        super().__init__(spec)
        self.layers = layers


class Glance(Part):
    """An attention.

    Args:
        heads: How many times it looks.
    """

    def __init__(self, spec: object, *, heads: int = 1, inner: Build[Attention] | None = None) -> None:
        super().__init__(spec)
        self.heads = heads
        self.inner = inner(spec) if inner else None


class Stare(Part):
    """Another attention, without options."""


class Noise(Part):
    """A conditioner."""

    def __init__(self, spec: object, *, dim: int = 4) -> None:
        super().__init__(spec)
        self.dim = dim


class Step(Part):
    """A stage, which may attend."""

    def __init__(self, spec: object, *, attention: Build[Attention] | None = None, blocks: int = 2) -> None:
        super().__init__(spec)
        self.attention = attention("attend") if attention else None
        self.blocks = blocks


@dataclass(frozen=True, kw_only=True)
class Widths:
    """A section inside a component.

    Args:
        inner: Channels inside.
        outer: Channels outside.
    """

    inner: int = 4
    outer: int = 8


class Tower(Part):
    """A generator with every sort of option."""

    def __init__(
        self,
        spec: object,
        *,
        stages: Sequence[Build[Stage]],
        conditioner: Build[Conditioner] = partial(Noise, dim=6),  # noqa: B008  (never changed)
        sides: Mapping[str, Build[Stage]] | None = None,
        widths: Widths = Widths(),
        activation: Any = len,
    ) -> None:
        super().__init__(spec)
        self.stages = [stage("stage") for stage in stages]
        self.conditioner = conditioner("condition")
        self.sides = sides
        self.widths = widths
        self.activation = activation


class Fragile(Part):
    """A generator that cannot be built."""

    def __init__(self, spec: object, *, size: int = 3) -> None:
        super().__init__(spec)
        raise ArithmeticError(f"size {size} is odd")


class Play(Part):
    """A task."""

    def __init__(
        self, spec: object, *, rate: float = 2e-4, betas: tuple[float, float] = (0.5, 0.999)
    ) -> None:
        super().__init__(spec)
        self.rate, self.betas = rate, betas


class Term(Part):
    """A loss."""

    def __init__(self, spec: object, *, weight: float = 1.0, limits: dict[str, int] | None = None) -> None:
        super().__init__(spec)
        self.weight, self.limits = weight, limits


class Nameless(Part):
    """A loss whose option has no annotation."""

    def __init__(self, *, weight=1.0) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
