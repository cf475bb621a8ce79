"""Parts of the API that want a header of their own, as tritonserver takes it: `CATEGORIES:HEADER=VALUE`.

Source: Triton's docs/customization_guide/inference_protocols.md. Rule: a category is in one group only.
"""

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from serving.access.scope import Category
from serving.core.did_you_mean import instead

_GRPC = "triton-grpc-protocol-"  # before the names of gRPC's headers


class InvalidRestriction(ValueError):
    """The text says what is wrong, but for the option's name."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """The header's name is in small letters. Its value is a secret. `what` is Triton's word for what is restricted."""

    categories: frozenset[Category]
    header: str
    value: bytes = field(repr=False)
    what: str = "API"

    @property
    def refusal(self) -> str:
        """Triton's."""
        return f"This {self.what} is restricted, expecting header '{self.header}'"

    def is_met(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("latin-1", "replace"), self.value)


def of_http(options: Sequence[str]) -> tuple[Restriction, ...]:
    """Raises `InvalidRestriction`."""
    return _apart(Restriction(*_read(option)) for option in options)


def of_grpc(options: Sequence[str]) -> tuple[Restriction, ...]:
    """Raises `InvalidRestriction`."""
    read = map(_read, options)
    return _apart(Restriction(categories, _GRPC + header, value, "protocol") for categories, header, value in read)


def unmet(
    all_of_them: Iterable[Restriction], categories: frozenset[Category], header: Callable[[str], str]
) -> Restriction | None:
    """The first that a request does not meet; `header` has its headers' values, "" for one that it lacks."""
    for restriction in all_of_them:
        if restriction.categories & categories and not restriction.is_met(header(restriction.header)):
            return restriction
    return None


def _apart(restrictions: Iterable[Restriction]) -> tuple[Restriction, ...]:
    found = tuple(restrictions)
    seen: set[Category] = set()
    for restriction in found:
        if twice := seen & restriction.categories:
            raise InvalidRestriction(f"'{min(twice)}' is in two groups; name it in one")
        seen |= restriction.categories
    return found


def _read(option: str) -> tuple[frozenset[Category], str, bytes]:
    names, colon, pair = option.partition(":")
    header, equals, value = pair.partition("=")
    if not (colon and equals and names and header.strip() and value):
        raise InvalidRestriction(
            "expected CATEGORY[,CATEGORY...]:HEADER=VALUE, such as model-repository:admin-key=SECRET"
        )
    categories = frozenset(_category(name.strip()) for name in names.split(","))
    return categories, header.strip().lower(), value.encode()


def _category(name: str) -> Category:
    try:
        return Category(name)
    except ValueError:
        raise InvalidRestriction(f"there is no category '{name[:50]}'{instead(name, list(Category))}") from None
