"""What became of every request of a soak. Rule: a request is in it once when it is sent and once when it is over."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

_WORDS_KEPT = 20


class Fate(StrEnum):
    RIGHT = "right"
    REFUSED = "refused"
    """429 or 503 with the time after which to ask again, or what they are in gRPC."""
    FAILED = "failed"
    """As it was meant to: the model raised, and said so."""
    LEFT = "left"
    """Its client left; the server may have answered it, or not."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Kind:
    """Of request: which model it is for, and over which protocol."""

    name: str
    model: str
    grpc: bool = False


@dataclass(slots=True)
class Ledger:
    """For one event loop."""

    sent: Counter[Kind] = field(default_factory=Counter)
    fates: Counter[tuple[Kind, Fate]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """What was said of the first ones."""

    def note(self, kind: Kind, fate: Fate, words: str = "") -> None:
        self.fates[kind, fate] += 1
        if fate is Fate.WRONG and len(self.wrong) < _WORDS_KEPT:
            self.wrong.append(f"{kind.name}: {words}")

    def of_model(self, model: str, *fates: Fate) -> int:
        return sum(count for (kind, fate), count in self.fates.items() if kind.model == model and fate in fates)

    def of_protocol(self, grpc: bool, *fates: Fate) -> int:
        return sum(count for (kind, fate), count in self.fates.items() if kind.grpc == grpc and fate in fates)

    def sent_to(self, model: str) -> int:
        return sum(count for kind, count in self.sent.items() if kind.model == model)

    def total(self, fate: Fate) -> int:
        return sum(count for (_, each), count in self.fates.items() if each is fate)

    @property
    def models(self) -> list[str]:
        return sorted({kind.model for kind in self.sent})
