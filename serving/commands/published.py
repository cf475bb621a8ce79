"""A model as it lies in a repository. Rule: what is not there is named, with what there is and how to name another."""

from pathlib import Path
from typing import TYPE_CHECKING

from serving.commands import places
from serving.errors import ModelLoadFailed

if TYPE_CHECKING:  # it takes longer to import than `slipway --help` should
    from serving.engine.repositories import ModelRepositories


def repository_of(model: str, repositories: list[str], other: str, cache: Path | None = None) -> "ModelRepositories":
    """The repositories, one of which has the model. `other` says how to name others. Files from elsewhere come into
    `cache`. Raises `ModelLoadFailed`."""
    from serving.core.did_you_mean import instead
    from serving.engine.repositories import open_repositories

    if missing := [place for place in repositories if places.is_missing(place)]:
        raise ModelLoadFailed(f"there is no folder {places.listed(missing)}; {other}")
    repository = open_repositories(repositories, cache)
    names = repository.names()
    if model not in names:
        where = places.listed(repositories)
        raise ModelLoadFailed(f"there is no model '{model[:100]}' in {where}{instead(model, names)}; {other}")
    return repository
