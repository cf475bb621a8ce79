"""What a person may say of how a table is read.

Rule: options that exist are within range; names of columns are looked up where the table is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from training.config import check
from training.settings import Value


@dataclass(frozen=True, slots=True)
class Options:
    """Raises `InvalidConfig`."""

    target: str = "label"
    """The column of classes."""
    drop: tuple[str, ...] = ()
    """Columns that the model is not to see, such as a row's number."""
    slices: tuple[str, ...] = ()
    """Columns by whose values the model is looked at group by group; it sees them too, unless they are dropped."""
    categories: tuple[str, ...] = ()
    """Columns of numbers that stand for something else, such as a shop's number."""
    most_values: int = 64
    """Of a category; a column of more texts is left out."""
    keep_duplicates: bool = False

    def __post_init__(self) -> None:
        check("data.most_values", self.most_values, 2 <= self.most_values <= 10_000, "from 2 to 10000")

    @classmethod
    def of(cls, options: Mapping[str, Value]) -> "Options":
        names = {option: _names(options[option]) for option in ("drop", "slices", "categories") if option in options}
        others = {option: value for option, value in options.items() if option not in names}
        return cls(**names, **others)  # type: ignore[arg-type]

    @property
    def named(self) -> Mapping[str, tuple[str, ...]]:
        """Columns that a table must have, by the option that says so."""
        return {
            "target": (self.target,),
            "drop": self.drop,
            "slices": self.slices,
            "categories": self.categories,
        }


def _names(text: Value) -> tuple[str, ...]:
    """Separated by commas."""
    return tuple(name.strip() for name in str(text).split(",") if name.strip())
