"""Which of a model's variants is published: the fastest of those that lose no more, and gain no less, than was wanted.

Rule: nothing is measured here; a variant that could not be made says why, and is no error.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from training.config import check, one_of

FLOAT32 = "float32"
CANDIDATES = ("int8-dynamic", "int8-static", "fp16", "bf16", "pruned")
PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Gate:
    """`max_loss` is how much less the score that counts may be, such as 0.01 of an accuracy; `min_speedup` how many
    times as fast a variant has to be. Raises `InvalidConfig`."""

    candidates: tuple[str, ...]
    max_loss: float = 0.01
    min_speedup: float = 1.1

    def __post_init__(self) -> None:
        for name in self.candidates:
            one_of("candidates", name, CANDIDATES)
        check("max_loss", self.max_loss, 0 <= self.max_loss <= 1, "from 0 to 1")
        check("min_speedup", self.min_speedup, self.min_speedup > 0, "above 0")


@dataclass(frozen=True, slots=True)
class Variant:
    """A file that could be published: `milliseconds` that a batch takes, by its rows, on one thread; `score` is of
    validation rows, `speedup` and `loss` are beside float32, `verdict` what came of it."""

    name: str
    bytes: int = 0
    milliseconds: dict[str, float] | None = None
    speedup: float = 1.0
    score: float = 0.0
    loss: float = 0.0
    verdict: str = ""


def judged(variants: Iterable[Variant], gate: Gate) -> tuple[Variant, ...]:
    """Each with its verdict; one of them is published, which is float32 where no other is good enough."""
    told = [variant if variant.verdict else replace(variant, verdict=_objection(variant, gate)) for variant in variants]
    good = [variant for variant in told if not variant.verdict and variant.name != FLOAT32]
    plain = [variant for variant in told if variant.name == FLOAT32]
    best = max(good or plain, key=lambda variant: variant.speedup)
    return tuple(_settled(variant, variant is best) for variant in told)


def _settled(variant: Variant, is_best: bool) -> Variant:
    if is_best:
        return replace(variant, verdict=PUBLISHED)
    return variant if variant.verdict else replace(variant, verdict="another is better")


def _objection(variant: Variant, gate: Gate) -> str:
    if variant.name == FLOAT32:
        return ""
    if not variant.loss <= gate.max_loss:  # also where it is no number
        return "loses too much"
    if variant.speedup < gate.min_speedup:
        return "too slow"
    return ""


def published(variants: Iterable[Variant]) -> str:
    """The name of the one that is, which is float32 where no other was tried."""
    return next((variant.name for variant in variants if variant.verdict == PUBLISHED), FLOAT32)


def wanted_gate(names: str | None, max_loss: float, min_speedup: float) -> Gate | None:
    """None where no candidates are named: separated by commas, or `all`. Raises `InvalidConfig`."""
    if names is None:
        return None
    given = CANDIDATES if names == "all" else tuple(name.strip() for name in names.split(","))
    return Gate(given, max_loss, min_speedup)
