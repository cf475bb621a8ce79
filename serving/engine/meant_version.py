"""Which version of a model a request is meant for, where what was read of it depends on the version: labels, columns, a
tokenizer.

Rule: nothing is read by one version's and answered by a version that has others.
"""

from collections.abc import Callable, Iterable

from serving.engine.servable import Servable


def meant_version(model: Servable, versions: Iterable[Servable], of: Callable[[Servable], object]) -> str:
    """Which must answer what was read by that `of` the `model`; "" where any of its `versions` may."""
    return "" if all(of(version) == of(model) for version in versions) else model.version
