"""How the outputs of a version differ from those of the one whose requests it gets, in words for its owner.

Rule: only what callers would notice: names, datatypes, shapes and labels, never values.
"""

from collections.abc import Iterator

from serving.engine.servable import Servable


def changed_outputs(before: Servable, after: Servable) -> str:
    """ "" where they are the same."""
    differences = "; ".join(_differences(before, after))
    return f"its outputs are not those of version {before.version}: {differences}" if differences else ""


def _differences(before: Servable, after: Servable) -> Iterator[str]:
    for name, spec in before.outputs.items():
        if name not in after.outputs:
            yield f"there is no output '{name}'"
        elif after.outputs[name] != spec:
            yield f"{after.outputs[name]} was {spec}"
        elif after.labels.get(name) != before.labels.get(name):
            yield f"'{name}' has other labels"
    for name in after.outputs:
        if name not in before.outputs:
            yield f"there is a new output '{name}'"
