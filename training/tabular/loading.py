"""Whatever table a person gives, or scikit-learn's breast cancer data where none is given, split and described."""

from collections.abc import Mapping
from pathlib import Path

from training.data import breast_cancer, tables
from training.data.splits import Splits
from training.settings import Value
from training.tabular.options import Options
from training.tabular.table import splits_of


def load(source: Path | None, options: Mapping[str, Value]) -> Splits:
    """Raises `InvalidData`, and `InvalidConfig` for options that don't fit."""
    wanted = Options.of(options)
    if source is None:
        return splits_of(breast_cancer.load(), wanted, "scikit-learn's breast cancer data")
    return splits_of(tables.read(source), wanted, str(source))
