"""Which version of a model a name is meant for, where a caller names what labels name.

Rule: no name is read by one version's labels and answered by a version that has others.
"""

from collections.abc import Iterable

from serving.engine.servable import Servable


def version_for(model: Servable, versions: Iterable[Servable], output: str) -> str:
    """Which must answer what was read by `model`'s labels of that output; "" where any of its `versions` may."""
    labels = model.labels.get(output)
    return "" if all(version.labels.get(output) == labels for version in versions) else model.version
