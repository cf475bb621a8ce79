"""Which versions of its models a repository holds.

Rule: looking needs neither torch nor scikit-learn.
"""

from collections.abc import Iterable
from pathlib import Path

from serving.core.versions import is_version


def versions(model_directory: Path) -> list[int]:
    """The version numbers in a model's folder, lowest first; none when there is no folder."""
    entries = model_directory.iterdir() if model_directory.is_dir() else ()
    return sorted(int(entry.name) for entry in entries if is_version(entry.name) and entry.is_dir())


def without_version(names: Iterable[str], repository: Path) -> list[str]:
    """Those models that have a folder in the repository and no version in it."""
    return [name for name in names if (repository / name).is_dir() and not versions(repository / name)]
